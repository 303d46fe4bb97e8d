package kernel_test

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Where there is no room for a listener the kernel side makes some: no listener
// is missed, and the look says that counting began anew.
func TestMoreListenersThanRoom(t *testing.T) {
	livetest.Root(t)
	const room, many = 16, 100
	for _, tier := range []listener.Tier{functions, tracepoints} {
		t.Run(string(tier), func(t *testing.T) {
			f := &field{t: t}
			ns, hidden := f.netns(t), livetest.Netns(t)
			all := listenMany(ns, many)
			f.load(kernel.Options{Capacity: room, Count: kernel.CountAlways}, tier)
			if len(f.kernels) == 0 {
				t.Skip("not to be had here")
			}
			k := f.kernels[0]
			watchCalls(t, k, os.Getpid())
			first := hidden.Listen(livetest.Listen{})
			if err := k.Enter(); err != nil {
				t.Fatal(err)
			}
			expectAll(t, k, "entered", all, true)
			expectAll(t, k, "entered, second look", all, false)

			more := append(listenMany(ns, 4*many), all...)
			before := time.Now()
			expectAll(t, k, "born", more, true)
			// Processes that were watched still are, with counts that begin anew.
			_ = unix.Getppid()
			if c, watched := calls(t, k)[os.Getpid()]; !watched || c.Total == 0 || c.Over > time.Since(before) {
				t.Errorf("after growing: calls %+v, watched %v", c, watched)
			}
			expectAll(t, k, "born, second look", more, false)

			// A birth was seen in a namespace in which nobody would have found the listener.
			expectAll(t, k, "born where nobody looks", []*livetest.Listener{first}, false)

			ns.DialMany(3, livetest.Dial{To: all[0].Dest(livetest.V4)})
			livetest.AwaitQueue(3, all[0])
			if s := sampleOf(t, k, all[0]); s.Queue < 3 || s.Queued != listener.Counted(3) {
				t.Errorf("after growing: %d wait, queued %v", s.Queue, s.Queued)
			}
		})
	}
}

// TestBornWhileRoomIsMade: listeners that are born while the kernel side makes room get room,
// too.
func TestBornWhileRoomIsMade(t *testing.T) {
	livetest.Root(t)
	for _, tier := range []listener.Tier{functions, tracepoints} {
		t.Run(string(tier), func(t *testing.T) {
			f := &field{t: t}
			ns := f.netns(t)
			f.load(kernel.Options{Capacity: 16, Count: kernel.CountAlways}, tier)
			if len(f.kernels) == 0 {
				t.Skip("not to be had here")
			}
			k := f.kernels[0]
			if err := k.Enter(); err != nil {
				t.Fatal(err)
			}
			born := make(chan []*livetest.Listener)
			go func() { born <- listenMany(ns, 1500) }()
			for {
				if _, err := k.Look(listener.LookQuick); err != nil {
					t.Fatal(err)
				}
				select {
				case all := <-born:
					if _, err := k.Look(listener.LookAll); err != nil {
						t.Fatal(err)
					}
					expectAll(t, k, "born meanwhile", all, false)
					return
				default:
				}
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
		t.Errorf("%s: %d of %d missing among %d; restarted is %v, want %v",
			what, missing, len(all), l.Listeners, l.Restarted, restarted)
	}
}
