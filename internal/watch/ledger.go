package watch

import "github.com/reusewatch/reusewatch/internal/listener"

// mark is the highest value so far of arrived - still waiting. The two are not read at
// one moment, so the difference may fall, and the mark does not.
type mark struct{ base, high int64 }

// begin sets it to 0, or, for a listener that was counted from its birth on, to the number
// of clients that came and wait no more.
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
	sampled  bool // before the counting began, so that the queue of then is known
	counting bool
	all      mark
	plain    mark
	accepted listener.Count
}

// setAccepted sets how many were accepted. That none were is known only of a listener that
// is counted from its birth on: any other may have served before.
func (g *ledger) setAccepted(fromBirth bool) {
	if fromBirth || g.all.high > 0 {
		g.accepted = listener.Counted(uint64(g.all.high))
	}
}

// update books a sample, and says whether it proves that the listener accepted since the
// last one.
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
		// The counters began with 0 after the last look, and do not have the clients that
		// waited then. Of both together, whoever does not wait now has been accepted since.
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
