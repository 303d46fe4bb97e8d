package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// process is a process in one network namespace.
type process struct {
	pid   int
	netns uint32
}

// counting is what the kernel side was asked to count, where counting is not always on.
type counting struct {
	n    int  // listeners
	all  bool // every listener, for somebody wants to see that
	anew bool // all has been changed since the kernel side was asked
}

// CountAll counts every listener from the next look on, or goes back to counting only
// what is suspected; in the queues tier, which counts nothing, it does nothing. It
// belongs to the goroutine that runs the watcher (Ask).
func (w *Watcher) CountAll(on bool) {
	w.counting.all = on && w.opts.Tier != listener.TierQueues
	w.counting.anew = true
}

// count asks the kernel side to count the groups of the suspected and those with
// more than one generation, and what else their owners listen on.
func (w *Watcher) count() error {
	if !w.opts.CountsSince.IsZero() {
		return nil
	}
	groups, owners := make(map[listener.GroupKey]bool), make(map[process]bool)
	for _, e := range w.table.entries {
		if !e.suspected && !e.generations {
			continue
		}
		if e.l.Group != 0 {
			groups[e.l.Group] = true
		}
		for i := range e.l.Owners {
			owners[process{e.l.Owners[i].PID, e.l.Netns}] = true
		}
	}
	keys := make(map[listener.Key]uint32, len(groups))
	fresh, apart := false, false
	for key, e := range w.table.entries {
		ours := func(o listener.Owner) bool { return owners[process{o.PID, e.l.Netns}] }
		if !w.counting.all && !e.suspected && !groups[e.l.Group] && !slices.ContainsFunc(e.l.Owners, ours) {
			if e.tally != nil {
				e.tally.began = time.Time{}
			}
			continue
		}
		keys[key] = e.l.Netns
		if t := e.counted(); t.began.IsZero() {
			fresh, apart, t.began = true, apart || e.generations, w.lastLook
		}
	}
	if !fresh && len(keys) == w.counting.n {
		return nil
	}
	// Only a look at everything gives a sample of an idle listener, and that it got 0 is news.
	w.resync = w.resync || w.counting.all || w.counting.anew || apart
	w.counting.anew, w.counting.n = false, len(keys)
	if err := w.src.SetCounted(keys); err != nil {
		return fmt.Errorf("count %d listeners: %w", len(keys), err)
	}
	return nil
}
