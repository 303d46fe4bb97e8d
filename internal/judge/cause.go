package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// cause is why the listener is stuck, in one word: first what was done to its
// owner, then what the owner does.
func (f *facts) cause() listener.Cause {
	w := f.l.Window
	switch {
	case f.l.OwnersKnown && len(f.l.Owners) == 0:
		return listener.CauseUnowned
	case f.some(traced):
		return listener.CauseTraced
	case f.some(func(o *listener.Owner) bool { return frozen(o) == yes() }):
		return listener.CauseFrozen
	case f.some(stopped):
		return listener.CauseStopped
	case f.some(f.refused):
		return listener.CauseRefused
	case f.some(f.starved):
		return listener.CauseStarved
	case f.sign(listener.SignInherited).Alive == yes():
		return listener.CauseInherited
	case f.some(spinning):
		return listener.CauseSpinning
	case f.sign(listener.SignAtLimit).Alive == yes() && f.limited():
		return listener.CauseAtLimit
	case f.sign(listener.SignMovesBytes).Alive == yes():
		return listener.CauseBusy
	case f.some(waitsFor(listener.ForChild)):
		return listener.CauseOnChild
	case f.some(waitsFor(listener.ForLock)):
		return listener.CauseOnLock
	case f.some(onPeer):
		return listener.CauseOnPeer
	case f.classed != listener.ServedClass && f.neverServed() && w.Waited == 0:
		return listener.CauseNeverPolled
	case w.Walked < enough:
		return listener.CauseUnknown
	case w.Armed > 0 && w.Slept > 0:
		return listener.CauseIgnores
	case f.culprit != nil && blocked(f.culprit):
		return listener.CauseBlocked
	default:
		return listener.CauseNotPolling
	}
}

// limited says that the process has used up its descriptors, or serves clients. A loop
// without any clients is at no limit: it has left the listener out.
func (f *facts) limited() bool {
	return f.some(func(o *listener.Owner) bool {
		l, _ := life(o)
		return o.Connections.Or(0) > 0 || o.Evidence != nil && o.Evidence.FilesFull.Or(false) || limits(l.Refused.Errno)
	})
}

// waitsFor says whether some thread of a process waits for what.
func waitsFor(what listener.For) func(*listener.Owner) bool {
	return func(o *listener.Owner) bool {
		l, _ := life(o)
		return slices.ContainsFunc(l.Waits, func(w listener.Wait) bool { return w.For == what })
	}
}

// onPeer says that a thread waits for somebody at the other end, and that is no dead end.
func onPeer(o *listener.Owner) bool {
	l, _ := life(o)
	return slices.ContainsFunc(l.Waits, func(w listener.Wait) bool {
		return !w.DeadEnd() && (w.For == listener.ForData || w.For == listener.ForPeer)
	})
}

// blocked says that the leader of a process sleeps in the kernel, and in no poll.
func blocked(o *listener.Owner) bool {
	return o.Wchan != "" && (o.State == "S" || o.State == "D") && !waitsFor(listener.ForEvents)(o)
}
