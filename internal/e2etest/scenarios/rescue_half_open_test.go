package scenarios

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestRescueHalfOpen: handshakes that were under way are completed with the sibling, as
// long as they take, where the kernel is known to move them without fault. Elsewhere they
// are let go, the act says so, and nothing waits for them.
func TestRescueHalfOpen(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	s := server{Addr: web, DeferAccept: 30}
	healthy := serve(t, ns, s)
	s.Then = wayMutex
	stuck := serve(t, ns, s)
	v := queueUp(t, ns, web, 20)
	half := &visitors{}
	for range 100 { // about half of them come to each
		half.waiting = append(half.waiting, visit(t, ns, web))
	}
	load(t, ns, web, 4)
	r := armTo(t, ns, "close")
	moved, err := kernel.MovesHalfOpen()
	if err != nil {
		t.Fatal(err)
	}
	if e := rescued(t, r, stuck.pid()); strings.Contains(e.Rescue, "let go") == moved {
		t.Errorf("handshakes can be moved here %v: %s", moved, e.Rescue)
	}
	if !moved {
		nothingAttached(t, ns)
	}
	for _, conn := range half.waiting {
		// The kernel ends the deferring after 31 s: who was let go may have been reset by then,
		// and reads that as his outcome.
		if _, err := conn.Write([]byte(get)); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	}
	switch o := half.outcome(t); {
	case moved && o != (outcome{answered: 100}):
		t.Errorf("half-open: %+v, want all of 100 answered", o)
	case !moved && (o.reset == 0 || o.answered == 0 || o.reset+o.answered != 100):
		t.Errorf("half-open: %+v, want those of the stuck one reset", o)
	}
	if o := v.outcome(t); o != (outcome{answered: 20}) {
		t.Errorf("queued: %+v, want all of 20 answered", o)
	}
	only(t, r, stuck.pid()) // its end does not wait for those that never come
	if !healthy.alive() || gone(stuck.pid()) {
		t.Error("a process has ended")
	}
	nothingAttached(t, ns)
}

const post = "POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
