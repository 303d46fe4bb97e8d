package watch

import (
	"reflect"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// entry is what the table remembers of one listener. l is shared with
// snapshots: it is replaced, never changed.
type entry struct {
	l         *listener.Listener
	announced bool
	suspected bool
	awake     bool // among those that a step looks at
	gone      bool
	// generations: its group has more than one.
	generations bool
	sampled     bool
	tally       *tally               // nil: it is not counted
	baselines   map[identity]*totals // of the owners, when the suspicion began
	caller      int                  // of listen(), 0 if nobody saw it
	execs       uint64               // that it had made by then
}

// tally is what is counted of a listener: of most nothing is.
type tally struct {
	ledger ledger
	recent recent
	began  time.Time // the look after which it began to be counted on demand; zero: it is not
	since  time.Time // what is counted is counted since then; zero: not counted
}

func (e *entry) suspicious(stuckAfter time.Duration) bool {
	l := e.l
	if l.Queue == 0 || l.Window.Samples == 0 {
		return false
	}
	if l.Window.Samples >= suspectSamples {
		return true
	}
	// A first look is a suspicion if the head is old; a later head that is old has
	// come after an accept.
	wait, known := l.OldestWait.Get()
	return known && wait > stuckAfter && !l.LastAccept.IsKnown()
}

// same says that a look saw nothing new: the listener stays the one that earlier
// snapshots have, and whoever compares two of them sees that at once.
func (e *entry) same(s *listener.Sample) bool {
	none := listener.Head{}
	if !e.announced || s.Head != none || e.l.Head != none || s.Served || s.MayHaveServed {
		return false
	}
	now := *s
	if e.l.ListenedAt.IsKnown() {
		now.ListenedAt = e.l.ListenedAt
	}
	return reflect.DeepEqual(&now, &e.l.Sample)
}

// sample takes one look at this listener into a new Listener. fromBirth: it was
// counted from its birth on.
func (e *entry) sample(s listener.Sample, at time.Time, elapsed, interval time.Duration, fromBirth bool) {
	old := e.l
	next := *old
	next.Sample = s
	next.Waiters = append([]listener.Waiter(nil), s.Waiters...)
	// Each look turns the kernel's clock into ours anew: what it was born and counted
	// from must not drift apart.
	if old.ListenedAt.IsKnown() {
		next.ListenedAt = old.ListenedAt
	}
	next.Window = advance(old.Window, &old.Sample, &s, at, step(elapsed, interval))
	next.SeenWaiting = old.SeenWaiting || s.WaitersKnown && len(s.Waiters) > 0
	t := e.counted()
	accepted := t.ledger.update(&old.Sample, &s, fromBirth)
	next.Accepted = t.ledger.accepted
	if accepted {
		next.LastAccept = listener.Rarely(at)
	}
	if s.MayHaveServed {
		next.AcceptedAmong = listener.Rarely(at)
	}
	t.recent.add(at, &s)
	e.sampled = true
	if !s.Queued.IsKnown() && t.began.IsZero() {
		e.tally = nil
	}
	e.l = &next
}

// counted gives what is counted of it, from now on.
func (e *entry) counted() *tally {
	if e.tally == nil {
		e.tally = &tally{ledger: ledger{sampled: e.sampled}}
	}
	return e.tally
}

// lately is how many new connections it got in the last minute.
func (e *entry) lately(now time.Time) (uint64, bool) {
	if e.tally == nil {
		return 0, false
	}
	return e.tally.recent.sum(now)
}
