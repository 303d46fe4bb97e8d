package watch

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// TestAcceptors: a process that sleeps on a listener is remembered while it lives, also when
// nobody sleeps any more. The watcher asks for sleepers only now and then.
func TestAcceptors(t *testing.T) {
	self, parent := os.Getpid(), os.Getppid()
	acceptor := func(pid int) listener.Acceptor {
		start, err := proc.New("").StartTicks(pid)
		if err != nil {
			t.Fatal(err)
		}
		return listener.Acceptor{PID: pid, Start: start}
	}
	asleep := func(pid int) []listener.Waiter {
		return []listener.Waiter{{Kind: listener.WaitPoll, PID: pid, Sleepers: 1, Armed: true}}
	}
	s := &script{waiters: asleep(self)}
	for second := range 40 {
		s.looks = append(s.looks, look(second, sampleOf(1, 1, 0, 0)))
	}
	w := watcher(s)
	mustStart(t, w)
	steps := func(n int, want ...listener.Acceptor) {
		t.Helper()
		var snap *listener.Snapshot
		for range n {
			snap = mustStep(t, w)
		}
		if diff := cmp.Diff(want, snap.Listeners[0].Acceptors); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	steps(1, acceptor(self))
	s.waiters = asleep(parent)
	steps(5, acceptor(self))                   // not asked again yet
	steps(5, acceptor(self), acceptor(parent)) // by now
	s.waiters = nil
	steps(10, acceptor(self), acceptor(parent))
	s.waiters = []listener.Waiter{
		{Kind: listener.WaitEpoll, PID: 1 << 30, Sleepers: 1}, // has gone
		{Kind: listener.WaitEpoll, PID: 1, Sleepers: 0},       // does not sleep
	}
	steps(10, acceptor(self), acceptor(parent))
}
