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
	awake     bool // a step goes through it
	gone      bool
	// generations: its group has more than one generation.
	generations bool
	sampled     bool
	tally       *tally               // nil: it is not counted
	baselines   map[identity]*totals // what its owners had done when the suspicion began
	caller      int                  // the pid that called listen(), 0 if nobody saw it
	execs       uint64               // how often the caller had executed a program by then
}

// tally holds the counts of a listener; most are not counted.
type tally struct {
	ledger ledger
	recent recent
	began  time.Time // the look after which the counting on demand began; zero: it has not
	since  time.Time // when the counters began; zero: it is not counted
}

func (e *entry) suspicious(stuckAfter time.Duration) bool {
	l := e.l
	if l.Queue == 0 || l.Window.Samples == 0 {
		return false
	}
	if l.Window.Samples >= suspectSamples {
		return true
	}
	// An old head is a suspicion at the first look; later on it has come up after an
	// accept.
	wait, known := l.OldestWait.Get()
	return known && wait > stuckAfter && !l.LastAccept.IsKnown()
}

// same says that a look saw nothing new. Then the listener stays the very one that earlier
// snapshots have, so that comparing two snapshots is cheap.
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

// sample makes a new Listener of what one look saw. fromBirth: it was counted from its
// birth on.
func (e *entry) sample(s listener.Sample, at time.Time, elapsed, interval time.Duration, fromBirth bool) {
	old := e.l
	next := *old
	next.Sample = s
	next.Waiters = append([]listener.Waiter(nil), s.Waiters...)
	// Each look turns the kernel's clock into ours anew, and the time of the birth must
	// not drift away from that of the counting.
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

// counted gives the tally of a listener, and makes one if there is none.
func (e *entry) counted() *tally {
	if e.tally == nil {
		e.tally = &tally{ledger: ledger{sampled: e.sampled}}
	}
	return e.tally
}

// lately gives how many new connections a listener got in the last minute.
func (e *entry) lately(now time.Time) (uint64, bool) {
	if e.tally == nil {
		return 0, false
	}
	return e.tally.recent.sum(now)
}
