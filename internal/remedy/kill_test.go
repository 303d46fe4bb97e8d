package remedy

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// victim is a real process that this test started; the listener beside it is
// told by the test, because what is tried here is the ladder. The live tests of
// the command use real listeners.
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
			v.owner = listener.Owner{PID: p.PID, Start: p.StartTicks}
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
	return listener.Judgement{
		Listener: &listener.Listener{
			Sample: listener.Sample{Key: 1, Cookie: 7, Queue: 1, Head: listener.Head{Request: 1}},
			Owners: []listener.Owner{v.owner},
		},
		Verdict: listener.Stuck, Culprit: v.owner.PID, Decision: &listener.Decision{Act: listener.Kill},
	}
}

// world is what looks see: the listener as long as its process lives, unless a
// test says otherwise.
type world struct {
	v      *victim
	acting int
	see    func(look int, l *listener.Listener) bool // change what is seen; false: the listener is gone
	judge  func(*listener.Judgement)
	looks  int
}

func (w *world) killer() *Killer {
	return &Killer{
		Proc: proc.New(""), TermGrace: 300 * time.Millisecond,
		Acting: func(Act, listener.Judgement) error { w.acting++; return nil },
		Refresh: func(context.Context) (*listener.Snapshot, error) {
			w.looks++
			l := w.v.judgement().Listener
			there := w.v.alive()
			if w.see != nil {
				there = w.see(w.looks, l)
			}
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
	}
}

func polite(t *testing.T) *victim   { return startVictim(t, "sleep", "60") }
func stubborn(t *testing.T) *victim { return startVictim(t, "sh", "-c", `trap "" TERM; exec sleep 60`) }

func TestKill(t *testing.T) {
	for want, v := range map[Method]*victim{SIGTERM: polite(t), SIGKILL: stubborn(t)} {
		w := &world{v: v}
		act, err := w.killer().Kill(t.Context(), v.judgement())
		if err != nil || v.alive() {
			t.Fatalf("%s: %v, alive %v", want, err, v.alive())
		}
		if act.Method != want || act.PID != v.owner.PID || len(act.Listeners) != 1 || act.ID == "" || w.acting != 1 {
			t.Errorf("act %+v told %d times, want %s of %d", act, w.acting, want, v.owner.PID)
		}
	}
}

// TestNothingIsDoneWhenSomethingChanged: the gate's last look.
func TestNothingIsDoneWhenSomethingChanged(t *testing.T) {
	for name, change := range map[string]func(*world, *listener.Judgement){
		"another process has the pid": func(_ *world, j *listener.Judgement) { j.Owners[0].Start-- },
		"the culprit is unknown":      func(_ *world, j *listener.Judgement) { j.Culprit = 0 },
		"never pid 1":                 func(_ *world, j *listener.Judgement) { j.Culprit, j.Owners[0].PID = 1, 1 },
		"the gate holds now": func(w *world, _ *listener.Judgement) {
			w.judge = func(j *listener.Judgement) { j.Decision.Act = listener.Hold }
		},
		"it is no longer stuck": func(w *world, _ *listener.Judgement) { w.judge = func(j *listener.Judgement) { j.Decision = nil } },
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
			_, err := w.killer().Kill(t.Context(), j)
			if !errors.Is(err, ErrChanged) {
				t.Errorf("%v, want ErrChanged", err)
			}
			time.Sleep(20 * time.Millisecond) // a signal would have arrived
			if !v.alive() || w.acting != 0 {
				t.Errorf("alive %v, told of %d acts: something was done", v.alive(), w.acting)
			}
		})
	}
}

// TestNoFurtherRungWhenItAcceptsAgain: SIGTERM woke it up.
func TestNoFurtherRungWhenItAcceptsAgain(t *testing.T) {
	v := stubborn(t)
	w := &world{v: v, see: func(look int, l *listener.Listener) bool {
		if look > 1 {
			l.Head.Request++
		}
		return true
	}}
	act, err := w.killer().Kill(t.Context(), v.judgement())
	if err == nil || !strings.Contains(err.Error(), "accepts again") || act.Method != SIGTERM || !v.alive() {
		t.Errorf("%+v, %v, alive %v; want it left alone after SIGTERM", act, err, v.alive())
	}
}

// TestAnEndWithoutProofIsAFailure: the process is gone and its listener is not.
func TestAnEndWithoutProofIsAFailure(t *testing.T) {
	v := polite(t)
	w := &world{v: v, see: func(int, *listener.Listener) bool { return true }}
	_, err := w.killer().Kill(t.Context(), v.judgement())
	if err == nil || !strings.Contains(err.Error(), "still there") {
		t.Errorf("%v, want an error that says so", err)
	}
}
