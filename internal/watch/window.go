package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// step is how much time one look adds to a window: the time since the last look, but an
// interval at the most, and exactly an interval for a look that came on its tick.
func step(elapsed, interval time.Duration) time.Duration {
	if elapsed >= interval-interval/20 {
		return interval
	}
	return elapsed
}

// advance carries the window on: the same head makes it longer, any other
// begins it anew.
func advance(w listener.Window, old, now *listener.Sample, at time.Time, step time.Duration) listener.Window {
	if now.Head == (listener.Head{}) {
		return listener.Window{}
	}
	if now.Head != old.Head || w.Samples == 0 {
		w = listener.Window{Since: at}
		step = 0
	}
	w.Samples++
	w.Observed += step
	// The kernel side walks the waiters from the second sample on.
	if !now.WaitersKnown {
		return w
	}
	count := func(n *int32, is func(listener.Waiter) bool) {
		if slices.ContainsFunc(now.Waiters, is) {
			*n++
		}
	}
	w.Walked++
	count(&w.Waited, func(listener.Waiter) bool { return true })
	count(&w.Armed, func(w listener.Waiter) bool { return w.Armed })
	count(&w.Slept, func(w listener.Waiter) bool { return w.Sleepers > 0 })
	count(&w.Unfetched, func(w listener.Waiter) bool { return w.Ready })
	return w
}
