package judge

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// class is what is proven of whoever an act would touch. A signal that was handled
// begins its inertness anew, and changes no class.
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

// trace of service: it accepted, or somebody waited for its clients, or that is not
// excluded. An owner's own epoll sets are asked too, for the walk of the wait queue is
// lockless.
func (f *facts) trace() bool {
	w := f.l.Window
	return f.seenServing() || f.mayHaveAccepted() || !f.holdsNoConnection() || !f.l.OwnersKnown || w.Samples < enough || w.Walked < w.Samples-1 || f.some(mayBeRegistered)
}

// mayHaveAccepted: one of several members accepted, of which it was one, and nobody knows
// that it stood still then.
func (f *facts) mayHaveAccepted() bool {
	at, known := f.l.AcceptedAmong.Get()
	return known && f.some(func(o *listener.Owner) bool {
		l, _ := life(o)
		return l.Inert.Or(0) < f.snap.Time.Sub(at)+f.snap.Interval
	})
}

// seenServing: something was seen of service.
func (f *facts) seenServing() bool {
	connected := slices.ContainsFunc(f.l.Owners, func(o listener.Owner) bool { return o.Connections.Or(0) > 0 })
	return connected || f.l.SeenWaiting || f.l.Window.Waited > 0 || len(f.l.Acceptors) > 0 || f.l.LastAccept.IsKnown()
}

// neverServed: counted since a listen() that was seen, and it accepted nothing.
func (f *facts) neverServed() bool {
	accepted, counted := f.l.Accepted.Get()
	return f.l.ListenedAt.IsKnown() && countedFromBirth(f.l) && counted && accepted == 0 && f.l.OwnersKnown && f.holdsNoConnection() && !f.seenServing()
}

// needed is how long must be waited before an act.
func (f *facts) needed() time.Duration {
	if f.classed == listener.ServedClass {
		return max(f.settings.ActAfter, f.settings.ActAfterServed)
	}
	return f.settings.ActAfter
}

// tooSoon: the head has not stood long enough, or a process that is to be proven dead
// has not been inert for so long.
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
