package judge

import (
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
	case f.some(frozen):
		return listener.CauseFrozen
	case f.some(stopped):
		return listener.CauseStopped
	case f.some(starved):
		return listener.CauseStarved
	case f.some(spinning):
		return listener.CauseSpinning
	case f.atLimit():
		return listener.CauseAtLimit
	case f.some(measuredBusy):
		return listener.CauseBusy
	case f.neverPolled():
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

func measuredBusy(o *listener.Owner) bool {
	u, known := usage(o)
	return known && u.Progress()
}

// blocked: its leader sleeps in a wait channel that is no polling.
func blocked(o *listener.Owner) bool {
	return o.Evidence != nil && o.Wchan != "" && (o.State == "S" || o.State == "D") &&
		!polls(&listener.Owner{Evidence: &listener.Evidence{Threads: []listener.Thread{{Wchan: o.Wchan}}, Total: 1}})
}
