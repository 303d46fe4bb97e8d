package remedy

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// victim is a real process that the test started. Its listener is made up, for only the
// ladder is tried here. The live tests of the command use real listeners.
type victim struct {
	t     *testing.T
	cmd   *exec.Cmd
	owner listener.Owner
	ended chan struct{}
}

func startVictim(t *testing.T, argv ...string) *victim {
	t.Helper()
	v := &victim{t: t, cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = v.cmd.Wait()
		close(v.ended)
	}()
	t.Cleanup(func() {
		_ = v.cmd.Process.Kill()
		<-v.ended
	})
	// Until exec has happened, signals that the shell ignores are not yet ignored.
	fs := proc.New("")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		p, err := fs.Process(v.cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if p.Comm == "sleep" {
			v.owner = listener.Owner{Holder: &listener.Holder{PID: p.PID, Start: p.StartTicks}}
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v is still %q", argv, p.Comm)
		}
	}
}

func (v *victim) alive() bool {
	p, err := proc.New("").Process(v.owner.PID)
	return err == nil && p.StartTicks == v.owner.Start && p.State != 'Z'
}

func (v *victim) judgement() listener.Judgement {
	here, cookie := ownNamespace(v.t)
	owner, holder := v.owner, *v.owner.Holder // for a test to change
	owner.Holder = &holder
	return listener.Judgement{
		Listener: &listener.Listener{
			Sample: listener.Sample{
				Key: 1, Cookie: 7, Queue: 1, Head: listener.Head{Request: 1}, Netns: here, NetCookie: cookie,
			},
			Owners: []listener.Owner{owner},
		},
		At:      time.Now(),
		Verdict: listener.Stuck, Culprit: v.owner.PID, Decision: &listener.Decision{Act: listener.Kill},
	}
}

// ownNamespace gives the network namespace of the victim.
func ownNamespace(t *testing.T) (inode uint32, cookie uint64) {
	t.Helper()
	own := netns.Own()
	inode, err := own.Number()
	if err == nil {
		cookie, err = cookieOf(own)
	}
	if err != nil {
		t.Fatal(err)
	}
	return inode, cookie
}

// world is what looks see: the listener as long as its process lives, unless a test says
// otherwise. It is the witness, too.
type world struct {
	v        *victim
	see      func(look int, l *listener.Listener) bool // change what is seen; false: the listener is gone
	judge    func(*listener.Judgement)
	looks    int
	started  func(ask int) uint64 // change when the process began, as it is told
	asks     int
	slices   uint64
	runs     bool // it gets a time slice between two looks
	intend   error
	disarmed bool
	claim    func(netns uint64) (io.Closer, error) // nil: whoever asks gets it

	intended []listener.Act
	done     []listener.Act
	// untouched is how often nothing had been done.
	untouched int
}

func (w *world) Untouched() { w.untouched++ }

func (w *world) Intend(_ context.Context, acts []*listener.Act, _ *Judged) error {
	for _, a := range acts {
		w.intended = append(w.intended, *a)
	}
	return w.intend
}

func (w *world) Done(a *listener.Act) { w.done = append(w.done, *a) }

// Clients of nobody: no listener of the kernel's is in these tests.
func (w *world) Clients(*listener.Listener, int) (listener.Clients, error) {
	return listener.Clients{}, nil
}

func (w *world) Sample(*listener.Listener) (listener.Sample, bool, error) {
	l, there := w.look()
	return l.Sample, there, nil
}

// look gives the listener as a look or a sample sees it.
func (w *world) look() (*listener.Listener, bool) {
	w.looks++
	l := w.v.judgement().Listener
	if w.see != nil {
		return l, w.see(w.looks, l)
	}
	return l, w.v.alive()
}

// Processes reads /proc, for there is no kernel side in these tests.
func (w *world) Processes(ask listener.Ask) (map[int]*listener.Process, error) {
	found := make(map[int]*listener.Process)
	for _, pid := range ask.Threads {
		t := listener.Task{TID: pid, State: "S"}
		if w.runs {
			w.slices++
		}
		t.Sched = listener.Known(listener.Sched{Slices: w.slices})
		found[pid] = &listener.Process{PID: pid, ThreadCount: 1, Threads: []listener.Task{t}}
	}
	for _, pid := range ask.Some {
		if start, err := proc.New("").StartTicks(pid); err == nil {
			if w.started != nil {
				w.asks++
				start = w.started(w.asks)
			}
			found[pid] = &listener.Process{PID: pid, Start: start}
		}
	}
	return found, nil
}

func (w *world) Namespace(inode uint32) (*os.File, error) {
	if own, err := netns.Own().Number(); err != nil || own != inode {
		return nil, os.ErrNotExist
	}
	return netns.Own().Open()
}

func (w *world) Claim(netns uint64) (io.Closer, error) {
	if w.claim == nil {
		return io.NopCloser(nil), nil
	}
	return w.claim(netns)
}

func (w *world) actor() *Actor {
	return New(Options{
		TermGrace: 300 * time.Millisecond, Witness: w, Kernel: w,
		Disarmed: func() bool { return w.disarmed },
		Siblings: func(*listener.Snapshot, *listener.Listener) []*listener.Listener { return nil },
		Warn:     func(err error) { w.v.t.Error(err) },
		Refresh: func(context.Context) (*listener.Snapshot, error) {
			l, there := w.look()
			if !there {
				return &listener.Snapshot{}, nil
			}
			return &listener.Snapshot{Listeners: []*listener.Listener{l}}, nil
		},
		Judge: func(s *listener.Snapshot) []listener.Judgement {
			var js []listener.Judgement
			for _, l := range s.Listeners {
				j := w.v.judgement()
				j.Listener = l
				if w.judge != nil {
					w.judge(&j)
				}
				js = append(js, j)
			}
			return js
		},
	})
}

func polite(t *testing.T) *victim   { return startVictim(t, "sleep", "60") }
func stubborn(t *testing.T) *victim { return startVictim(t, "sh", "-c", `trap "" TERM; exec sleep 60`) }

func TestKill(t *testing.T) {
	for want, v := range map[listener.Method]*victim{listener.SIGTERM: polite(t), listener.SIGKILL: stubborn(t)} {
		w := &world{v: v}
		if err := w.actor().Act(t.Context(), v.judgement()); err != nil || v.alive() {
			t.Fatalf("%s: %v, alive %v", want, err, v.alive())
		}
		if len(w.intended) != 1 || len(w.done) != 1 || w.done[0].Failure != "" {
			t.Fatalf("told of %d acts before and %d after: %v", len(w.intended), len(w.done), w.done)
		}
		act := w.done[0]
		whole := act.ID != "" && act.ID == w.intended[0].ID && len(act.Listeners) == 1 && act.Took > 0
		if !whole || act.Method != want || act.Owner.PID != v.owner.PID || act.Result != listener.Acted {
			t.Errorf("act %+v, want %s of %d", act, want, v.owner.PID)
		}
	}
}

// TestNothingIsDoneWithoutAWitness: an act that could not be counted or logged is
// not done, and told as failed.
func TestNothingIsDoneWithoutAWitness(t *testing.T) {
	v := polite(t)
	full := errors.New("no space left")
	w := &world{v: v, intend: full}
	if err := w.actor().Act(t.Context(), v.judgement()); !errors.Is(err, full) || errors.Is(err, ErrChanged) {
		t.Errorf("%v, want the witness's", err)
	}
	time.Sleep(20 * time.Millisecond)
	failed := len(w.done) == 1 && w.done[0].Result == listener.Failed
	if !v.alive() || w.untouched != 1 || !failed || !strings.Contains(w.done[0].Failure, full.Error()) {
		t.Errorf("alive %v, told %v", v.alive(), w.done)
	}
}

// TestDisarmedBetweenRungs: the next rung is not climbed.
func TestDisarmedBetweenRungs(t *testing.T) {
	v := stubborn(t)
	w := &world{v: v}
	w.see = func(look int, _ *listener.Listener) bool { w.disarmed = look > 1; return true }
	err := w.actor().Act(t.Context(), v.judgement())
	if err == nil || !strings.Contains(err.Error(), "disarmed") || w.done[0].Method != listener.SIGTERM || !v.alive() {
		t.Errorf("%v by %s, alive %v; want it to end after SIGTERM", err, w.done[0].Method, v.alive())
	}
}

// TestNothingIsDoneWhenSomethingChanged is about the last look before an act.
func TestNothingIsDoneWhenSomethingChanged(t *testing.T) {
	for name, change := range map[string]func(*world, *listener.Judgement){
		"another process has the pid": func(_ *world, j *listener.Judgement) { j.Owners[0].Start-- },
		"the culprit is unknown":      func(_ *world, j *listener.Judgement) { j.Culprit = 0 },
		"never pid 1":                 func(_ *world, j *listener.Judgement) { j.Culprit, j.Owners[0].PID = 1, 1 },
		"the gate holds now": func(w *world, _ *listener.Judgement) {
			w.judge = func(j *listener.Judgement) { j.Decision.Act = listener.Hold }
		},
		"it is no longer stuck": func(w *world, _ *listener.Judgement) {
			w.judge = func(j *listener.Judgement) { j.Decision = nil }
		},
		"it has accepted": func(w *world, _ *listener.Judgement) {
			w.see = func(_ int, l *listener.Listener) bool { l.Head.Request++; return true }
		},
		"it is gone": func(w *world, _ *listener.Judgement) { w.see = func(int, *listener.Listener) bool { return false } },
		"another process holds it now": func(w *world, _ *listener.Judgement) {
			w.see = func(_ int, l *listener.Listener) bool { l.Owners[0].Start++; return true }
		},
		"another cookie": func(w *world, _ *listener.Judgement) {
			w.see = func(_ int, l *listener.Listener) bool { l.Cookie++; return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := polite(t)
			w, j := &world{v: v}, v.judgement()
			change(w, &j)
			if err := w.actor().Act(t.Context(), j); !errors.Is(err, ErrChanged) {
				t.Errorf("%v, want ErrChanged", err)
			}
			time.Sleep(20 * time.Millisecond) // a signal would have arrived
			if !v.alive() || len(w.intended)+len(w.done) != 0 {
				t.Errorf("alive %v, told of %d acts: something was done", v.alive(), len(w.intended))
			}
		})
	}
}

// TestNoFurtherRungWhenItAcceptsAgain: it is left alone once its head has moved. Look 1 is
// that of the plan, look 2 that before the target, look 3 right before SIGTERM. If nothing
// was done before, it is no failure.
func TestNoFurtherRungWhenItAcceptsAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		from   int // the look that sees another head
		victim *victim
		grace  time.Duration
		says   string
	}{
		{"while it is logged", 2, polite(t), time.Minute, "has accepted"},
		{"right before the first signal", 3, polite(t), time.Minute, "accepts again"},
		{"SIGTERM woke it up", 4, stubborn(t), time.Minute, "accepts again after sigterm"},
		// Without a grace there is one look after SIGTERM, and one before the next rung.
		{"right before the next rung", 5, stubborn(t), 0, "accepts again after sigterm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{v: c.victim, see: func(look int, l *listener.Listener) bool {
				if look >= c.from {
					l.Head.Request++
				}
				return true
			}}
			a := w.actor()
			a.TermGrace = c.grace
			err := a.Act(t.Context(), c.victim.judgement())
			time.Sleep(20 * time.Millisecond) // a signal would have arrived
			says := err != nil && strings.Contains(err.Error(), c.says)
			if !says || w.done[0].Method != listener.SIGTERM || !c.victim.alive() {
				t.Errorf("%v by %s, alive %v; want %q, and it left alone", err, w.done[0].Method, c.victim.alive(), c.says)
			}
			if w.looks != c.from {
				t.Errorf("%d looks, want it to end with look %d", w.looks, c.from)
			}
			result, before := listener.Failed, c.from <= 3
			if before {
				result = listener.LeftAlone
			}
			got := w.done[0]
			told := got.Result == result && got.Touched != before && (w.untouched == 1) == before
			if !told || errors.Is(err, ErrChanged) != before || !Witnessed(err) {
				t.Errorf("%s, touched %t, given back %d times, %v; want %s", got.Result, got.Touched, w.untouched, err, result)
			}
		})
	}
}

// TestNoSignalForWhatHasLeft: the listener left before the first signal, by nobody's doing.
// Its process lives on, and is left alone.
func TestNoSignalForWhatHasLeft(t *testing.T) {
	v := polite(t)
	w := &world{v: v, see: func(look int, _ *listener.Listener) bool { return look < 3 }}
	err := w.actor().Act(t.Context(), v.judgement())
	time.Sleep(20 * time.Millisecond)
	if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "went before") || !v.alive() {
		t.Errorf("%v, alive %v; want an error and no signal", err, v.alive())
	}
}

// TestNoSignalForWhoRan: a process that is acted on because it stands still is left alone if
// it got a time slice during the look.
func TestNoSignalForWhoRan(t *testing.T) {
	for _, class := range []listener.Class{listener.Dead, listener.NeverServed, listener.ServedClass} {
		v := polite(t)
		w := &world{v: v, runs: true, judge: func(j *listener.Judgement) { j.Class = class }}
		err := w.actor().Act(t.Context(), v.judgement())
		if class == listener.ServedClass {
			if err != nil {
				t.Errorf("%s: %v", class, err)
			}
			continue
		}
		time.Sleep(20 * time.Millisecond)
		if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "has run") || !v.alive() || w.untouched != 1 {
			t.Errorf("%s: %v, alive %v; want no signal", class, err, v.alive())
		}
	}
}

// TestAnotherProcessGetsNoSignal: the process has ended, and another one has its pid.
func TestAnotherProcessGetsNoSignal(t *testing.T) {
	v := polite(t)
	w := &world{v: v, see: func(int, *listener.Listener) bool { return true }}
	w.started = func(ask int) uint64 { return v.owner.Start + uint64(ask-1) } // the first is that of the plan
	err := w.actor().Act(t.Context(), v.judgement())
	time.Sleep(20 * time.Millisecond)
	if !errors.Is(err, errAnother) || !v.alive() {
		t.Errorf("%v, alive %v; want an error and no signal", err, v.alive())
	}
}

// TestAnEndWithoutProofIsAFailure: the process is gone and its listener is not.
func TestAnEndWithoutProofIsAFailure(t *testing.T) {
	v := polite(t)
	w := &world{v: v, see: func(int, *listener.Listener) bool { return true }}
	err := w.actor().Act(t.Context(), v.judgement())
	if err == nil || !strings.Contains(err.Error(), "still there") || w.done[0].Failure == "" {
		t.Errorf("%v, want an error that says so", err)
	}
}
