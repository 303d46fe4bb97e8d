package judge

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// class gives what is proven of the processes that an act would touch. A signal that such a
// process handles ends its inertness, but does not change its class.
func (f *facts) class() listener.Class {
	if len(f.targets()) == 0 || f.some(spinning) {
		return listener.ServedClass
	}
	for _, o := range f.targets() {
		if l, known := life(o); !known || l.Inert.Or(0) == 0 {
			return listener.ServedClass
		}
	}
	for _, s := range f.signs {
		if s.Sign != listener.SignRuns && s.Holds() {
			return listener.ServedClass
		}
	}
	switch {
	case !f.trace() && f.atDeadEnds():
		return listener.Dead
	case f.neverServed():
		return listener.NeverServed
	default:
		return listener.ServedClass
	}
}

func (f *facts) atDeadEnds() bool {
	for _, o := range f.targets() {
		if l, _ := life(o); !l.AtDeadEnds() {
			return false
		}
	}
	return true
}

// trace says that it has served: it accepted, or somebody waited for its clients, or neither
// can be excluded. The epoll sets of its owners count too, for the walk of the wait queue
// holds no lock.
func (f *facts) trace() bool {
	w := f.l.Window
	return f.seenServing() || f.mayHaveAccepted() || !f.holdsNoConnection() || !f.l.OwnersKnown || w.Samples < enough || w.Walked < w.Samples-1 || f.some(mayBeRegistered)
}

// mayHaveAccepted says that one of several members accepted, it is one of them, and its
// owner may have run then.
func (f *facts) mayHaveAccepted() bool {
	at, known := f.l.AcceptedAmong.Get()
	return known && f.some(func(o *listener.Owner) bool {
		l, _ := life(o)
		return l.Inert.Or(0) < f.snap.Time.Sub(at)+f.snap.Interval
	})
}

// seenServing says that a trace of service was seen.
func (f *facts) seenServing() bool {
	connected := slices.ContainsFunc(f.l.Owners, func(o listener.Owner) bool { return o.Connections.Or(0) > 0 })
	return connected || f.l.SeenWaiting || f.l.Window.Waited > 0 || len(f.l.Acceptors) > 0 || f.l.LastAccept.IsKnown()
}

// neverServed says that it was counted since a listen() that was seen, and accepted nothing.
func (f *facts) neverServed() bool {
	accepted, counted := f.l.Accepted.Get()
	return f.l.ListenedAt.IsKnown() && countedFromBirth(f.l) && counted && accepted == 0 && f.l.OwnersKnown && f.holdsNoConnection() && !f.seenServing()
}

// needed gives how long the head must stand before an act.
func (f *facts) needed() time.Duration {
	if f.classed == listener.ServedClass {
		return max(f.settings.ActAfter, f.settings.ActAfterServed)
	}
	return f.settings.ActAfter
}

// tooSoon says that the head has not stood long enough, or that a process that is to be
// proven dead has not been inert for so long.
func (f *facts) tooSoon() bool {
	stood := f.l.Window.Observed
	if f.classed != listener.ServedClass {
		for _, o := range f.targets() {
			l, _ := life(o)
			stood = min(stood, l.Inert.Or(0))
			for i := range l.Waits {
				if l.Waits[i].For == listener.ForReader {
					stood = min(stood, l.Waits[i].Still)
				}
			}
		}
	}
	return stood < f.needed()
}
