package watch

import (
	"reflect"
	"slices"
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

// step is what one look adds to a window: what passed since the last one, an
// interval at the most, and just that for one that came on its tick.
func step(elapsed, interval time.Duration) time.Duration {
	if elapsed >= interval-interval/20 {
		return interval
	}
	return elapsed
}

// advance carries the window on: the same head makes it longer, any other
// begins it anew.
func advance(w listener.Window, old, now *listener.Sample, at time.Time, step time.Duration) listener.Window {
	if now.Head == (listener.Head{}) {
		return listener.Window{}
	}
	if now.Head != old.Head || w.Samples == 0 {
		w = listener.Window{Since: at}
		step = 0
	}
	w.Samples++
	w.Observed += step
	// The kernel side walks the waiters from the second sample on.
	if !now.WaitersKnown {
		return w
	}
	count := func(n *int32, is func(listener.Waiter) bool) {
		if slices.ContainsFunc(now.Waiters, is) {
			*n++
		}
	}
	w.Walked++
	count(&w.Waited, func(listener.Waiter) bool { return true })
	count(&w.Armed, func(w listener.Waiter) bool { return w.Armed })
	count(&w.Slept, func(w listener.Waiter) bool { return w.Sleepers > 0 })
	count(&w.Unfetched, func(w listener.Waiter) bool { return w.Ready })
	return w
}

// mark is a high-water mark of arrived - still waiting. The two are not read at
// one moment, so it never falls.
type mark struct{ base, high int64 }

// begin sets it to 0, or, of a listener whose birth was counted, to all that
// came and waits no more.
func (m *mark) begin(gone int64, fromBirth bool) {
	*m = mark{base: gone}
	if fromBirth {
		*m = mark{high: max(0, gone)}
	}
}

func (m *mark) rise(gone int64) int64 {
	before := m.high
	m.high = max(before, gone-m.base)
	return m.high - before
}

// ledger does the arithmetic of accepted = queued - still waiting, which
// neither convicts nor acquits alone. What it proves rests on the arrivals that
// are no MPTCP joins, for those never wait and are not accepted.
type ledger struct {
	sampled  bool // before the counting began: what waited then is known
	counting bool
	all      mark
	plain    mark
	accepted listener.Count
}

// setAccepted says how many were accepted. That none were is known only of one that is counted
// from its birth on: others may have served before.
func (g *ledger) setAccepted(fromBirth bool) {
	if fromBirth || g.all.high > 0 {
		g.accepted = listener.Counted(uint64(g.all.high))
	}
}

// update says whether this look proves that the listener accepted since the last
// one.
func (g *ledger) update(old, now *listener.Sample, fromBirth bool) bool {
	none := listener.Head{}
	sameHead := now.Head != none && now.Head == old.Head
	headGone := old.Head != none && now.Head != old.Head
	queued, counting := now.Queued.Get()
	if !counting {
		*g = ledger{sampled: true}
		return headGone || now.Served && !sameHead
	}
	plain := now.QueuedPlain.Or(0)
	left := int64(now.Adopted.Or(0)) - int64(now.Queue)
	switch {
	case g.counting:
	case g.sampled && !fromBirth:
		// The counters began with 0 after the last look, and what waited then was not
		// counted: whatever both are more than what waits now has been accepted since.
		g.counting = true
		g.all, g.plain = mark{base: -int64(old.Queue)}, mark{base: -int64(old.Queue)}
	default:
		g.counting = true
		g.all.begin(int64(queued)+left, fromBirth)
		g.plain.begin(int64(plain)+left, fromBirth)
		g.setAccepted(fromBirth)
		return headGone || g.all.high > 0 // of one that is counted from its birth on
	}
	if sameHead {
		// Nothing was accepted, whatever the arithmetic says.
		return false
	}
	g.all.rise(int64(queued) + left)
	risen := g.plain.rise(int64(plain) + left)
	g.setAccepted(fromBirth)
	came := plain > old.QueuedPlain.Or(0)
	return headGone || came && old.Queue == 0 && now.Queue == 0 || risen >= 2
}
