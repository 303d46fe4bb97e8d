package watch

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// fickle is a fake reader that stops answering: a real process would have to hang the real
// one just between two looks.
type fickle struct{ silent bool }

func (f *fickle) Unread() []uint32 { return nil }

func (f *fickle) Read(questions []proc.Question, _ time.Duration) map[int]proc.Answer {
	answers := make(map[int]proc.Answer)
	for _, q := range questions {
		if !f.silent {
			answers[q.PID] = proc.Answer{PID: q.PID, Exe: "/usr/bin/harmless", Cmdline: []string{"harmless"}}
		}
	}
	return answers
}

// TestNoNameOfAnEarlierProgram: a process that executes another program, and about which the
// reader no longer answers, has no name rather than that of the earlier program, which a rule
// might match.
func TestNoNameOfAnEarlierProgram(t *testing.T) {
	reader := &fickle{}
	w := New(&script{}, Options{Reader: reader, Proc: proc.New("testdata/none")})
	w.lastCensus, w.procs.readFor = time.Now(), readFor
	p := &listener.Process{
		PID: 7, Start: 1, NetNS: 1, Execs: 1,
		Running: listener.File{Dev: 2, Inode: 3}, Guest: listener.Known(uint32(4)),
	}
	w.procs.met = map[int]*listener.Process{7: p}
	w.procs.identify([]int{7}, nil)
	if o := w.procs.holder(p, 0); o.Exe != "/usr/bin/harmless" {
		t.Fatalf("it was read, and is told as %q", o.Exe)
	}
	if o := w.procs.holder(p, 0); o.Running != p.Running || o.Guest != p.Guest {
		t.Errorf("it runs %+v as the guest of %v, want what was told: %+v, %v", o.Running, o.Guest, p.Running, p.Guest)
	}
	next := *p
	reader.silent, next.Execs, p = true, 2, &next
	w.procs.met[7] = p
	w.procs.identify([]int{7}, nil)
	if o := w.procs.holder(p, 0); o.Exe != "" || o.Cmdline != nil {
		t.Errorf("it runs something else, and is told as %q", o.Exe)
	}
}

// TestNoSetNeedsNoReader: the kernel knows that a process holds no epoll set. What a set has
// is not known while nobody reads it.
func TestNoSetNeedsNoReader(t *testing.T) {
	w := New(&script{}, Options{Reader: &fickle{silent: true}, Proc: proc.New("testdata/none")})
	w.lastCensus, w.procs.readFor = time.Now(), readFor
	w.procs.met = map[int]*listener.Process{7: {PID: 7, Start: 1}, 8: {PID: 8, Start: 1}}
	inspected := w.inspect([]int{7, 8}, thingsByPID{7: nil, 8: {{Kind: listener.ThingEpoll, PID: 8, FD: 3}}})
	if registered, known := inspected[7].registered(1).Get(); registered || !known {
		t.Error("it holds no epoll set, and may wait in one")
	}
	if inspected[8].registered(1).IsKnown() {
		t.Error("nobody read its epoll set, and what is in it is known")
	}
}

// TestInitHasAName: the init has a name also if it owns nothing and the pass does not read it.
func TestInitHasAName(t *testing.T) {
	w := New(&script{}, Options{Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New("")})
	w.procs.met = map[int]*listener.Process{7: {PID: 7, PPID: 1}}
	w.procs.identify([]int{7}, nil)
	if above := w.procs.parents(7); len(above) != 1 || above[0].Comm == "" {
		t.Errorf("parents %+v", above)
	}
}
