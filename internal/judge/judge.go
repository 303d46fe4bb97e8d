// Package judge says what each listener of a snapshot is, and what may be done
// about a stuck one. It is pure: a snapshot, a policy and the past in,
// judgements out.
//
// A verdict rests on the head of the accept queue: while it stays the same,
// nothing has been accepted. Counters only add numbers.
package judge

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// recently is how long an accept or an arrival makes a listener accepting.
	recently = time.Minute
	// enough samples of one thing rule out chance: two intervals.
	enough = 3
)

// Judge judges every listener of a snapshot, in its order.
func Judge(s *listener.Snapshot, p *Policy, past *Past) []listener.Judgement {
	js := make([]listener.Judgement, 0, len(s.Listeners))
	var stuck []*facts
	for _, l := range s.Listeners {
		settings := p.Default
		if l.Queue > 0 {
			settings = p.For(l) // an idle listener is idle by any policy
		}
		js = append(js, listener.Judgement{Listener: l, At: s.Time, Verdict: verdict(s, l, settings.StuckAfter)})
		if js[len(js)-1].Verdict == listener.Stuck {
			stuck = append(stuck, &facts{
				snap: s, l: l, policy: p, settings: settings, past: past, index: len(js) - 1, culprit: culprit(l),
			})
		}
	}
	findings(s, p, js)
	for _, f := range stuck {
		f.stuck = stuck
		j := &js[f.index]
		f.weigh()
		j.Cause, j.Class, j.Signs = f.cause(), f.classed, f.signs
		if f.culprit != nil {
			j.Culprit = f.culprit.PID
		}
		j.Decision = decide(f)
	}
	together(stuck, js)
	decideSuperseded(s, p, past, js)
	return js
}

// weigh finds the signs of life and the class. Signs of the class served are sought further
// back.
func (f *facts) weigh() {
	f.within = f.settings.ActAfter
	f.findSigns()
	if f.classed = f.class(); f.classed == listener.ServedClass {
		f.within = f.needed()
		f.findSigns()
	}
}

func verdict(s *listener.Snapshot, l *listener.Listener, stuckAfter time.Duration) listener.Verdict {
	waits := l.Queue > 0 && l.Window.Samples > 0
	wait, known := l.OldestWait.Get()
	old := waits && known && wait > stuckAfter
	switch {
	case waits && s.Watched && l.Window.Observed >= stuckAfter:
		return listener.Stuck
	case waits && l.Window.Samples >= enough:
		return listener.Suspect
	case old && !l.LastAccept.IsKnown():
		// This is a first look: later on, an old head has come up behind an accepted one.
		return listener.Suspect
	case old:
		return listener.Slow
	case acceptedSince(l, s.Time.Add(-recently)):
		return listener.Accepting
	case l.Queue > 0:
		return listener.NoVerdict
	default:
		return listener.Idle
	}
}

func acceptedSince(l *listener.Listener, t time.Time) bool {
	at, known := l.LastAccept.Get()
	return known && !at.Before(t)
}
