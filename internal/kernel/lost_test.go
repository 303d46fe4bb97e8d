package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// If there are more births and deaths between two looks than the ring buffer holds, one look
// says that events were lost.
func testLostEvents(t *testing.T, f *field) {
	ns := f.netns(t)
	for _, k := range f.ticking() {
		t.Run(string(k.tier), func(t *testing.T) {
			l := ns.Listen(livetest.Listen{})
			lost := func() bool {
				all, _ := look(t, k)
				return all.Lost
			}
			drain := func() int {
				events, err := k.Events()
				if err != nil {
					t.Fatal(err)
				}
				return len(events)
			}
			again := func(n int) {
				for range n {
					l.Shutdown()
					relisten(t, l, 0)
				}
			}
			drain()
			lost() // of what went before
			again(100)
			if lost() {
				t.Error("200 events, and some were lost")
			}
			again(2500)
			if !lost() {
				t.Error("5000 events, and none was lost")
			}
			if lost() {
				t.Error("lost again, though nothing happened")
			}
			if n := drain(); n < 2000 {
				t.Errorf("only %d of the events before the loss", n)
			}
			again(1)
			if n := drain(); n < 2 || lost() {
				t.Errorf("%d events after the loss, want 2", n)
			}
			if s := sampleOf(t, k, l); s.Local != l.Addr {
				t.Errorf("the listener is seen on %s, want %s", s.Local, l.Addr)
			}
		})
	}
}
