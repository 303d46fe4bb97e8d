package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Where there is no room for a listener the kernel side makes some: no listener
// is missed, and the look says that counting began anew.
func TestMoreListenersThanRoom(t *testing.T) {
	const room, many = 16, 100
	ns, hidden := livetest.Netns(t), livetest.Netns(t)
	all := listenMany(ns, many)
	opts := kernel.Options{Capacity: room, Count: kernel.CountAlways}
	for _, k := range inTiers(t, opts, []*livetest.Namespace{ns}, functions, tracepoints) {
		t.Run(string(k.tier), func(t *testing.T) {
			first := hidden.Listen(livetest.Listen{})
			if err := k.Enter(); err != nil {
				t.Fatal(err)
			}
			expectAll(t, k, "entered", all, true)
			expectAll(t, k, "entered, second look", all, false)

			more := append(listenMany(ns, 4*many), all...)
			expectAll(t, k, "born", more, true)
			expectAll(t, k, "born, second look", more, false)

			// A birth was seen where nobody would have found the listener.
			expectAll(t, k, "born where nobody looks", []*livetest.Listener{first}, false)

			ns.DialMany(3, livetest.Dial{To: all[0].Dest(livetest.V4)})
			if s := sampleOf(t, k, all[0]); s.Queue < 3 || s.Queued != listener.Known[uint64](3) {
				t.Errorf("after growing: %d wait, queued %v", s.Queue, s.Queued)
			}
		})
	}
}

func listenMany(ns *livetest.Namespace, n int) []*livetest.Listener {
	all := make([]*livetest.Listener, n)
	for i := range all {
		all[i] = ns.Listen(livetest.Listen{})
	}
	return all
}

func expectAll(t *testing.T, k live, what string, all []*livetest.Listener, restarted bool) {
	t.Helper()
	l, samples := look(t, k)
	missing := 0
	for _, one := range all {
		if _, there := samples[one.Inode]; !there {
			missing++
		}
	}
	if missing > 0 || l.Restarted != restarted || l.Listeners < len(all) {
		t.Errorf("%s: %d of %d missing among %d; restarted is %v, want %v", what, missing, len(all), l.Listeners, l.Restarted, restarted)
	}
}

// More births and deaths between two looks than the ring buffer holds are told
// as lost, once.
func TestLostEvents(t *testing.T) {
	ns := livetest.Netns(t)
	for _, k := range inTiers(t, kernel.Options{}, nil, functions, tracepoints) {
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
			relisten := func(n int) {
				for range n {
					l.Shutdown()
					if err := l.Listen(0); err != nil {
						t.Fatal(err)
					}
				}
			}
			drain()
			relisten(100)
			if lost() {
				t.Error("200 events, and some were lost")
			}
			relisten(2500)
			if !lost() {
				t.Error("5000 events, and none was lost")
			}
			if lost() {
				t.Error("lost again, though nothing happened")
			}
			if n := drain(); n < 2000 {
				t.Errorf("only %d of the events before the loss", n)
			}
			relisten(1)
			if n := drain(); n < 2 || lost() {
				t.Errorf("%d events after the loss, want 2", n)
			}
			if s := sampleOf(t, k, l); s.Local != l.Addr {
				t.Errorf("the listener is seen on %s, want %s", s.Local, l.Addr)
			}
		})
	}
}
