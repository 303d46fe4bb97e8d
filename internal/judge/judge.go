// Package judge says what each listener of a snapshot is, and what may be done
// about a stuck one. It is pure: a snapshot and a policy in, judgements out.
//
// A verdict rests on the head of the accept queue: while it stays the same,
// nothing has been accepted. Counters only add numbers.
package judge

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Policy is what the operator asked for.
type Policy struct {
	StuckAfter   time.Duration
	ActAfter     time.Duration
	StartupGrace time.Duration
	Action       listener.Act // Observe or Kill
	Scope        listener.Filter
	Protect      []string // comms never acted on
	Self         []int    // pids never acted on: reusewatch and its ancestors
}

const (
	// recently is how long an accept or an arrival makes a listener accepting.
	recently = time.Minute
	// suspectSamples of one head make a suspicion: two intervals.
	suspectSamples = 3
)

// Judge judges every listener of a snapshot, in its order.
func Judge(s *listener.Snapshot, p *Policy) []listener.Judgement {
	groups := make(map[listener.GroupKey][]*listener.Listener)
	for _, l := range s.Listeners {
		if l.Group != 0 {
			groups[l.Group] = append(groups[l.Group], l)
		}
	}
	js := make([]listener.Judgement, 0, len(s.Listeners))
	for _, l := range s.Listeners {
		j := listener.Judgement{Listener: l, Verdict: verdict(s, l, p)}
		if j.Verdict == listener.Stuck {
			j.Cause = cause(l)
			j.Culprit = culprit(l)
			j.Decision = decide(&facts{now: s.Time, l: l, members: groups[l.Group], policy: p})
		}
		js = append(js, j)
	}
	return js
}

func verdict(s *listener.Snapshot, l *listener.Listener, p *Policy) listener.Verdict {
	waits := l.Queue > 0 && l.Window.Samples > 0
	wait, known := l.OldestWait.Get()
	old := waits && known && wait > p.StuckAfter
	accepted := acceptedSince(l, s.Time.Add(-recently))
	switch {
	case waits && s.Watched && l.Window.Observed >= p.StuckAfter:
		return listener.Stuck
	case waits && l.Window.Samples >= suspectSamples:
		return listener.Suspect
	case old && !l.LastAccept.IsKnown():
		// A first look; an old head behind an accepted one is a slow acceptor's.
		return listener.Suspect
	case old:
		return listener.Slow
	case accepted:
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

// cause tells what the evidence of one look at the owners allows.
func cause(l *listener.Listener) listener.Cause {
	switch {
	case l.OwnersKnown && len(l.Owners) == 0:
		return listener.CauseUnowned
	case anyOwner(l, traced):
		return listener.CauseTraced
	case anyOwner(l, stopped):
		return listener.CauseStopped
	case neverPolled(l):
		return listener.CauseNeverPolled
	default:
		return listener.CauseUnknown
	}
}

// culprit is the only owner, or nobody: of several, this version convicts none.
func culprit(l *listener.Listener) int {
	if len(l.Owners) == 1 {
		return l.Owners[0].PID
	}
	return 0
}

func anyOwner(l *listener.Listener, is func(*listener.Owner) bool) bool {
	for i := range l.Owners {
		if is(&l.Owners[i]) {
			return true
		}
	}
	return false
}

func traced(o *listener.Owner) bool  { return o.Tracer != 0 || o.State == "t" }
func stopped(o *listener.Owner) bool { return o.State == "T" }

// neverPolled: no waiter of any kind in any sample of the window, and no owner
// holds an accepted connection of that port.
func neverPolled(l *listener.Listener) bool {
	w := l.Window
	return l.OwnersKnown && w.Samples >= suspectSamples && w.Unwalked == 0 && !w.Waited &&
		!l.LastAccept.IsKnown() && noConnections(l)
}

func noConnections(l *listener.Listener) bool {
	for i := range l.Owners {
		if n, known := l.Owners[i].Connections.Get(); !known || n > 0 {
			return false
		}
	}
	return true
}
