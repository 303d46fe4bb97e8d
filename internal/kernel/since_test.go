package kernel_test

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Counters count from counted_since on: it stands still while they count, and
// a second suspicion starts both anew.
func testCountedSince(t *testing.T, f *field) {
	ns := f.netns(t)
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			w := startWatching(t, k, 50*time.Millisecond)
			l := ns.Listen(livetest.Listen{})
			defer l.Close() // its clients would keep this process suspected in the next tier
			dial := func(n int) {
				before := l.Queue()
				ns.DialMany(n, livetest.Dial{To: l.Dest(livetest.V4)})
				livetest.AwaitQueue(before+n, l)
			}
			var since time.Time
			counted := func() bool {
				at, known := find(t, w.ticked(t), l).CountedSince.Get()
				since = at
				return known
			}
			// That none were accepted is not known, for others may have before it was counted: -1.
			check := func(step string, queued, accepted int) {
				t.Helper()
				now := find(t, w.ticked(t), l)
				if got := countsOf(now); got.Queued != queued || got.Accepted != accepted {
					t.Errorf("%s: %d queued, %d accepted; want %d, %d", step, got.Queued, got.Accepted, queued, accepted)
				}
				if at := now.CountedSince; at.Maybe() != listener.Known(since) {
					t.Errorf("%s: counted since %v, not since %v", step, at.Or(time.Time{}), since)
				}
			}

			dial(1)
			livetest.Eventually(t, "suspected", counted)
			first := since
			check("suspected", 0, -1)
			dial(10)
			check("more come", 10, -1)
			for range 4 {
				l.Accept()
			}
			livetest.Eventually(t, "no longer suspected", func() bool { return !counted() })
			livetest.Eventually(t, "suspected again", counted)
			if !since.After(first) {
				t.Errorf("counted since %v again, first since %v", since, first)
			}
			check("suspected again", 0, -1)
			dial(5)
			check("more come again", 5, -1)
		})
	}
}
