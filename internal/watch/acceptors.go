package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// acceptorsEvery is how often the watcher asks who waits on the listeners that
	// more than one process may accept from.
	acceptorsEvery = 10 * time.Second
	// maxAsked is how many listeners it asks about in one step.
	maxAsked = 128
	// maxAcceptors is how many acceptors of one listener are remembered.
	maxAcceptors = 16
)

// asking is a round of asking who waits on the listeners.
type asking struct {
	began time.Time
	left  []*entry // those that were not asked about yet
}

// learnAcceptors remembers who waits on each listener while nothing is wrong
// with it. Once a process that shares it hangs, nobody waits any more, and only
// the past tells a worker from the master that holds the same socket. It asks about this
// many listeners at the most, and about the others in later steps.
func (w *Watcher) learnAcceptors(most int) error {
	if len(w.asking.left) == 0 && w.lastLook.Sub(w.asking.began) >= acceptorsEvery {
		w.asking.began = w.lastLook
		for _, e := range w.table.entries {
			if !e.plain() {
				w.asking.left = append(w.asking.left, e)
			}
		}
	}
	rest := len(w.asking.left) - min(most, len(w.asking.left))
	now := slices.Clone(w.asking.left[rest:])
	w.asking.left = w.asking.left[:rest]
	for _, e := range w.table.awake {
		if w.newborn(e) && len(now) < 2*most {
			now = append(now, e)
		}
	}
	waiting := make(map[*entry][]listener.Waiter, len(now))
	var pids []int
	for _, e := range now {
		if !e.announced || e.suspected || e.gone {
			continue
		}
		waiters, known, err := w.src.Waiters(e.l)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		waiting[e] = w.sets.holders(waiters)
		for i := range waiters {
			pids = append(pids, waiters[i].PID)
		}
		for _, a := range e.l.Acceptors {
			pids = append(pids, a.PID)
		}
	}
	if len(pids) == 0 {
		return nil
	}
	alive, err := w.src.Processes(listener.Ask{Some: pids})
	if err != nil {
		return err
	}
	for e, waiters := range waiting {
		w.remember(e, waiters, alive)
	}
	return nil
}

// newborn says that a listener is young and nobody was seen to wait on it yet. Such are
// asked about at each look: nothing else would show that one which hangs after a few
// seconds had served.
func (w *Watcher) newborn(e *entry) bool {
	return e.announced && !e.l.SeenWaiting && w.lastLook.Sub(e.l.ListenedAt.Or(e.l.FirstSeen)) < unsettled
}

// plain says that the one owner of a listener is its one acceptor.
func (e *entry) plain() bool {
	return len(e.l.Owners) == 1 && len(e.l.Acceptors) == 1 && e.l.Acceptors[0].PID == e.l.Owners[0].PID
}

// remember adds the processes that sleep now to those that did before and still live.
func (w *Watcher) remember(e *entry, waiters []listener.Waiter, alive map[int]*listener.Process) {
	var all []listener.Acceptor
	for _, a := range e.l.Acceptors {
		if p := alive[a.PID]; p != nil && p.Start == a.Start {
			all = append(all, a)
		}
	}
	for _, waiter := range waiters {
		p := alive[waiter.PID]
		if waiter.Sleepers == 0 || p == nil || len(all) >= maxAcceptors {
			continue
		}
		if a := (listener.Acceptor{PID: p.PID, Start: p.Start}); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	if slices.Equal(all, e.l.Acceptors) && (e.l.SeenWaiting || len(waiters) == 0) {
		return
	}
	next := *e.l
	next.Acceptors, next.SeenWaiting = all, e.l.SeenWaiting || len(waiters) > 0
	w.table.set(e, &next)
}
