// Package recovery has a real server recover at each single step of an act on it, one
// after the other, and requires that it is left alone from then on.
package recovery

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

const port = 8080

// tooMany is more steps than an act has.
const tooMany = 200

// TestRecoversAtEveryStep: what an act asks of the kernel, the watcher, the judge, the log
// and the operator are its steps. The first act is stopped before its first step until the
// server has accepted a client; the second before its second; and so on until one ends
// before that. Only what lies between the answer to the last look and the signal, in which
// an act waits for nobody, is no step.
func TestRecoversAtEveryStep(t *testing.T) {
	livetest.Root(t)
	program := zoo.Program(t)
	for _, action := range []listener.Action{listener.Kill, listener.Close} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			recovered := 0
			for n := 1; n < tooMany; n++ {
				if !recoversAt(t, program, action, n) {
					break
				}
				recovered++
			}
			// Each act has at least a plan, a look before its target, and one before a rung.
			if recovered < 10 || recovered >= tooMany-1 {
				t.Errorf("it recovered at %d steps", recovered)
			}
			t.Logf("it recovered at each of %d steps, and was left alone", recovered)
		})
	}
}

// recoversAt is false if the act had ended before so many steps.
func recoversAt(t *testing.T, program string, action listener.Action, n int) (recovered bool) {
	t.Helper()
	t.Run(strconv.Itoa(n), func(t *testing.T) {
		s := newScene(t, program)
		a := s.agent(t, action)
		a.at, a.do = n, func(step string) {
			recovered = true
			s.recovers(t, step)
		}
		a.run(t)
		if !recovered {
			if a.err != nil {
				t.Errorf("nothing stood in its way: %v", a.err)
			}
			s.wantRemoved(t, action)
			return
		}
		s.wantLeftAlone(t, a.stopped)
	})
	return recovered
}

// scene is a server that hangs beside one that serves, with clients.
type scene struct {
	ns      *livetest.Namespace
	fifo    string
	stuck   *livetest.Program
	waiting []*os.File
	reader  *os.File // of the FIFO, once it is to recover
}

func newScene(t *testing.T, program string) *scene {
	s := &scene{ns: livetest.Netns(t), fifo: filepath.Join(t.TempDir(), "fifo")}
	if err := unix.Mkfifo(s.fifo, 0o600); err != nil {
		t.Fatalf("make a FIFO: %v", err)
	}
	start := func(mode, letter, arg string) *livetest.Program {
		p := s.ns.Start(t, exec.Command(program, mode, strconv.Itoa(port), letter, "fresh", arg))
		p.Await("set")
		return p
	}
	s.stuck = start("recovers", "r", s.fifo)
	for range 8 { // these all wait on the one that hangs
		c, err := s.ns.Connect(port)
		if err != nil {
			t.Fatal(err)
		}
		s.waiting = append(s.waiting, c)
		if _, err := c.WriteString("x"); err != nil {
			t.Fatalf("write to the server: %v", err)
		}
	}
	start("serve", "g", "")
	s.load(t)
	t.Cleanup(func() {
		for _, c := range s.waiting {
			_ = c.Close()
		}
		if s.reader != nil {
			_ = s.reader.Close()
		}
	})
	return s
}

// load has clients come, so that the healthy member accepts.
func (s *scene) load(t *testing.T) {
	livetest.Every(t, 20*time.Millisecond, func() {
		if c, err := s.ns.Connect(port); err == nil {
			_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
			_, _ = c.WriteString("x")
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	})
}

// recovers has the server go on, and waits until it has accepted a client.
func (s *scene) recovers(t *testing.T, step string) {
	if s.stuck.Ended() || slices.Contains(s.stuck.Said(), "closed") {
		return // too late: the act is done
	}
	reader, err := os.OpenFile(s.fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Errorf("read the FIFO: %v", err)
		return
	}
	s.reader = reader
	deadline := time.Now().Add(10 * time.Second)
	for ; !slices.Contains(s.stuck.Said(), "accepted"); time.Sleep(time.Millisecond) {
		if s.stuck.Ended() || slices.Contains(s.stuck.Said(), "closed") {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("it did not accept before step %q; it said %q", step, s.stuck.Said())
			return
		}
	}
}

// wantLeftAlone: it gets no signal and loses no listener once it has accepted. An act that
// was done before that, at the step, is none of that.
func (s *scene) wantLeftAlone(t *testing.T, step string) {
	time.Sleep(20 * time.Millisecond) // a signal would have arrived
	said := s.stuck.Said()
	accepted := slices.Index(said, "accepted")
	if accepted < 0 {
		t.Logf("step %q came after the act was done", step)
		return
	}
	after := said[accepted:]
	if s.stuck.Ended() || slices.Contains(after, "sigterm") || slices.Contains(after, "closed") {
		t.Errorf("it recovered before step %q, and was not left alone: ended %t, it said %q", step, s.stuck.Ended(), said)
	}
}

// wantRemoved: the act was done, and by nobody but the act.
func (s *scene) wantRemoved(t *testing.T, action listener.Action) {
	if action == listener.Kill {
		livetest.Eventually(t, "its process ends", s.stuck.Ended)
		return
	}
	reader, err := os.OpenFile(s.fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("read the FIFO: %v", err)
	}
	s.reader = reader
	s.stuck.Await("closed")
}
