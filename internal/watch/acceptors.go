package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// acceptorsEvery is how often is asked who waits on the listeners that more
	// than one process may accept from.
	acceptorsEvery = 10 * time.Second
	// maxAsked are the listeners of which that is asked in one step.
	maxAsked = 128
	// maxAcceptors are remembered of one listener: who has more shares it with many.
	maxAcceptors = 16
)

// learnAcceptors remembers who waits on each listener while nothing is wrong
// with it. Once a process that shares it hangs, nobody waits any more, and only
// the past tells a worker from the master that holds the same socket. At most this
// many are asked about now, and the others in later steps.
func (w *Watcher) learnAcceptors(most int) error {
	if len(w.unasked) == 0 && w.last.Sub(w.learned) >= acceptorsEvery {
		w.learned = w.last
		for _, e := range w.entries {
			if !e.plain() {
				w.unasked = append(w.unasked, e)
			}
		}
	}
	rest := len(w.unasked) - min(most, len(w.unasked))
	now := w.unasked[rest:]
	w.unasked = w.unasked[:rest]
	for _, e := range now {
		if !e.announced || e.suspected || e.gone {
			continue
		}
		waiters, known, err := w.src.Waiters(e.l)
		if err != nil {
			return err
		}
		if known {
			w.remember(e, w.sets.holders(waiters))
		}
	}
	return nil
}

// plain: its one owner is who accepts.
func (e *entry) plain() bool {
	return len(e.l.Owners) == 1 && len(e.l.Acceptors) == 1 && e.l.Acceptors[0].PID == e.l.Owners[0].PID
}

// remember adds who sleeps now to those who did before and still live.
func (w *Watcher) remember(e *entry, waiters []listener.Waiter) {
	alive := func(a listener.Acceptor) bool {
		start, err := w.opts.Proc.StartTicks(a.PID)
		return err == nil && start == a.Start
	}
	var all []listener.Acceptor
	for _, a := range e.l.Acceptors {
		if alive(a) {
			all = append(all, a)
		}
	}
	for _, waiter := range waiters {
		if waiter.Sleepers == 0 || waiter.PID == 0 || len(all) >= maxAcceptors {
			continue
		}
		start, err := w.opts.Proc.StartTicks(waiter.PID)
		a := listener.Acceptor{PID: waiter.PID, Start: start}
		if err == nil && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	if slices.Equal(all, e.l.Acceptors) {
		return
	}
	next := *e.l
	next.Acceptors = all
	w.set(e, &next)
}
