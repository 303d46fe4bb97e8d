package watch

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func head(n uint64) listener.Head {
	return listener.Head{Request: n, RcvISN: uint32(n), Remote: netip.MustParseAddrPort("192.0.2.1:4000")}
}

// waiting is a sample of a queue whose head is number n; 0 is an empty queue.
func waiting(n uint64, queue uint32) listener.Sample {
	s := listener.Sample{Key: 1, Cookie: 1, Queue: queue, WaitersKnown: true}
	if n != 0 {
		s.Head = head(n)
	}
	return s
}

func TestWindow(t *testing.T) {
	type look struct {
		after time.Duration
		s     listener.Sample
	}
	unwalked, waited := waiting(1, 1), waiting(1, 1)
	unwalked.WaitersKnown = false
	waited.Waiters = []listener.Waiter{{Kind: listener.WaitPoll, Armed: true, Sleepers: 1}}
	reused := waiting(1, 1)
	reused.Head.RcvISN++
	for name, c := range map[string]struct {
		looks []look
		want  listener.Window
	}{
		"an empty queue has none": {[]look{{0, waiting(0, 0)}}, listener.Window{}},
		"the first look":          {[]look{{0, waiting(1, 1)}}, listener.Window{Since: start(), Samples: 1, Walked: 1}},
		"the same head": {[]look{{0, waiting(1, 1)}, {time.Second, waiting(1, 2)}, {time.Second, waiting(1, 3)}},
			listener.Window{Since: start(), Samples: 3, Observed: 2 * time.Second, Walked: 3}},
		"a pause counts as one interval": {[]look{{0, waiting(1, 1)}, {time.Hour, waiting(1, 2)}},
			listener.Window{Since: start(), Samples: 2, Observed: time.Second, Walked: 2}},
		"a look out of turn counts what passed": {[]look{{0, waiting(1, 1)}, {time.Millisecond, waiting(1, 2)}},
			listener.Window{Since: start(), Samples: 2, Observed: time.Millisecond, Walked: 2}},
		"one accept begins it anew": {[]look{{0, waiting(1, 5)}, {time.Second, waiting(1, 5)}, {time.Second, waiting(2, 5)}},
			listener.Window{Since: start().Add(2 * time.Second), Samples: 1, Walked: 1}},
		"the same address is not the same request": {[]look{{0, waiting(1, 1)}, {time.Second, reused}},
			listener.Window{Since: start().Add(time.Second), Samples: 1, Walked: 1}},
		"a waiter is remembered": {[]look{{0, waiting(1, 1)}, {time.Second, waited}, {time.Second, waiting(1, 1)}},
			listener.Window{Since: start(), Samples: 3, Observed: 2 * time.Second, Walked: 3, Waited: 1, Armed: 1, Slept: 1}},
		"a look without waiters is remembered": {[]look{{0, unwalked}, {time.Second, unwalked}, {time.Second, waiting(1, 1)}},
			listener.Window{Since: start(), Samples: 3, Observed: 2 * time.Second, Walked: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &entry{l: &listener.Listener{}}
			now := start()
			for _, l := range c.looks {
				now = now.Add(l.after)
				e.sample(l.s, now, l.after, time.Second, false)
			}
			if diff := cmp.Diff(c.want, e.l.Window); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// counted is a sample with the counter of queued connections.
func counted(n uint64, queue uint32, queued uint64) listener.Sample {
	s := waiting(n, queue)
	s.Queued, s.QueuedPlain = listener.Counted(queued), listener.Counted(queued)
	return s
}

func born(s listener.Sample) listener.Sample {
	s.ListenedAt = listener.Rarely(start())
	return s
}

// mptcp is a sample of which that many queued connections were of plain TCP.
func mptcp(s listener.Sample, plain uint64) listener.Sample {
	s.MPTCP, s.QueuedPlain = true, listener.Counted(plain)
	return s
}

func served(s listener.Sample) listener.Sample {
	s.Served = true
	return s
}

func adopted(s listener.Sample, n uint64) listener.Sample {
	s.Adopted = listener.Counted(n)
	return s
}

func TestAccepted(t *testing.T) {
	looks := func(samples ...listener.Sample) []listener.Sample { return samples }
	exactly, unknown := listener.Known[uint64], listener.Maybe[uint64]{}
	for name, c := range map[string]struct {
		looks    []listener.Sample
		want     listener.Maybe[uint64]
		accepted bool // the last look proves an accept
	}{
		"not counted":                       {looks(waiting(0, 0), waiting(0, 0)), unknown, false},
		"not counted, but the head went":    {looks(waiting(1, 1), waiting(0, 0)), unknown, true},
		"not counted, but a new connection": {looks(waiting(0, 0), served(waiting(0, 0))), unknown, true},
		"not counted, a new connection, and the same head": {
			looks(waiting(1, 1), served(waiting(1, 1))), unknown, false,
		},
		"not counted, another head":   {looks(waiting(1, 1), waiting(2, 1)), unknown, true},
		"a first head":                {looks(waiting(0, 0), waiting(1, 1)), unknown, false},
		"came and went between looks": {looks(born(counted(0, 0, 0)), born(counted(0, 0, 1))), exactly(1), true},
		"came and stays":              {looks(born(counted(0, 0, 0)), born(counted(1, 1, 1))), exactly(0), false},
		"the reads were not atomic: one too many": {
			looks(born(counted(0, 0, 0)), born(counted(1, 1, 2))), exactly(1), false,
		},
		"the mark rose by two": {looks(born(counted(0, 0, 0)), born(counted(1, 1, 3))), exactly(2), true},
		"the same head proves that nothing was, whatever the sum": {
			looks(born(counted(1, 1, 1)), born(counted(1, 1, 9))), exactly(0), false,
		},
		"never negative":                  {looks(born(counted(1, 5, 5)), born(counted(1, 9, 7))), exactly(0), false},
		"waiting when the counting began": {looks(counted(1, 5, 0), counted(2, 3, 0)), exactly(2), true},
		"all that came since the counting began was accepted": {
			looks(waiting(0, 0), counted(0, 0, 5)), exactly(5), true,
		},
		"one came since then":                  {looks(waiting(0, 0), counted(0, 0, 1)), exactly(1), true},
		"all that came since then waits":       {looks(waiting(0, 0), counted(1, 5, 5)), unknown, false},
		"since then the reads were not atomic": {looks(waiting(0, 0), counted(1, 5, 6)), exactly(1), false},
		"since then it stood still":            {looks(waiting(1, 3), counted(1, 3, 9)), unknown, false},
		"what waited before was accepted, too": {looks(waiting(1, 3), counted(0, 0, 2)), exactly(5), true},
		"since then only joins came":           {looks(waiting(0, 0), mptcp(counted(0, 0, 7), 0)), exactly(7), false},
		"a second suspicion counts anew": {
			looks(waiting(0, 0), counted(0, 0, 5), waiting(0, 0), counted(0, 0, 0)), unknown, false,
		},
		"adopted ones are no accepts": {
			looks(born(counted(0, 0, 0)), adopted(born(counted(1, 4, 0)), 4)), exactly(0), false,
		},
		"adopted and accepted": {
			looks(born(counted(0, 0, 0)), adopted(born(counted(1, 1, 0)), 4)), exactly(3), true,
		},
		"joins of MPTCP connections look like arrivals": {
			looks(born(mptcp(counted(0, 0, 2), 0)), born(mptcp(counted(0, 0, 9), 0))), exactly(9), false,
		},
		"joins beside a plain connection that waits": {
			looks(born(mptcp(counted(0, 0, 2), 0)), born(mptcp(counted(1, 1, 9), 1))), exactly(8), false,
		},
		"a plain connection came to MPTCP and went": {
			looks(born(mptcp(counted(0, 0, 2), 0)), born(mptcp(counted(0, 0, 3), 1))), exactly(3), true,
		},
		"even of MPTCP a head that goes was accepted": {
			looks(born(mptcp(counted(1, 1, 2), 0)), born(mptcp(counted(0, 0, 2), 0))), exactly(2), true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var g ledger
			var old listener.Sample
			accepted := false
			for i := range c.looks {
				accepted = g.update(&old, &c.looks[i], c.looks[i].ListenedAt.IsKnown())
				old = c.looks[i]
			}
			if g.accepted.Maybe() != c.want || accepted != c.accepted {
				t.Errorf("accepted %v, proven %v; want %v, %v", g.accepted, accepted, c.want, c.accepted)
			}
		})
	}
}

// TestAcceptedAmong: each look that sees one of several members accept sets the time anew, and
// none of them is said to have accepted itself.
func TestAcceptedAmong(t *testing.T) {
	one, several := sampleOf(1, 1, 0, 0), sampleOf(1, 1, 0, 0)
	one.Served, several.MayHaveServed = true, true
	s := &script{looks: []listener.Look{
		look(0, sampleOf(1, 1, 0, 0)), look(1, several), look(2, several), look(3, one), look(4, one), look(5),
	}}
	w := watcher(s)
	mustStart(t, w)
	for second := 1; second <= 4; second++ {
		at := listener.Known(start().Add(time.Duration(second) * time.Second))
		l := mustStep(t, w).Listeners[0]
		wrong := l.LastAccept.Maybe() != at
		if second <= 2 {
			wrong = l.LastAccept.IsKnown() || l.AcceptedAmong.Maybe() != at
		}
		if wrong {
			t.Errorf("look %d: accepted %v, it or another one %v", second, l.LastAccept, l.AcceptedAmong)
		}
	}
}

// TestAcceptedAmongThoseThatAreLeft: the member that accepted may be the one that has left.
func TestAcceptedAmongThoseThatAreLeft(t *testing.T) {
	first, second := sampleOf(1, 1, 0, 0), sampleOf(2, 2, 0, 0)
	first.MayHaveServed, second.MayHaveServed = true, true
	left := look(2, sampleOf(1, 1, 0, 0))
	left.Complete = true
	s := &script{looks: []listener.Look{look(0, sampleOf(1, 1, 0, 0), sampleOf(2, 2, 0, 0)), look(1, first, second), left}}
	w := watcher(s)
	mustStart(t, w)
	if l := mustStep(t, w).Listeners[0]; !l.AcceptedAmong.IsKnown() {
		t.Fatal("one of two accepted, and nobody says so")
	}
	if l := mustStep(t, w).Listeners[0]; l.AcceptedAmong.IsKnown() {
		t.Error("it or another one accepted, and the other one has left")
	}
}

func TestRecent(t *testing.T) {
	var r recent
	at := start()
	look := func(after time.Duration, queued uint64) uint64 {
		at = at.Add(after)
		s := counted(0, 0, queued)
		r.add(at, &s)
		n, _ := r.sum(at)
		return n
	}
	if _, known := r.sum(at); known {
		t.Error("known before anything was counted")
	}
	if n := look(0, 100); n != 0 {
		t.Errorf("%d before the second look: what came earlier is no news", n)
	}
	if n := look(time.Second, 130); n != 30 {
		t.Errorf("%d, want 30", n)
	}
	if n := look(30*time.Second, 140); n != 40 {
		t.Errorf("%d, want 40", n)
	}
	if n := look(40*time.Second, 140); n != 10 {
		t.Errorf("%d, want the 10 of the last minute", n)
	}
	if n := look(time.Hour, 140); n != 0 {
		t.Errorf("%d an hour later, want 0", n)
	}
}

// TestBirthStays: a time of birth that comes out a little earlier at a later look must not
// make a listener that was counted from its birth one that was not.
func TestBirthStays(t *testing.T) {
	e := &entry{l: &listener.Listener{}}
	for _, born := range []time.Time{start(), start().Add(-time.Millisecond), start().Add(time.Millisecond)} {
		e.sample(listener.Sample{ListenedAt: listener.Rarely(born)}, start().Add(time.Second), time.Second, time.Second, true)
		if got, _ := e.l.ListenedAt.Get(); !got.Equal(start()) {
			t.Errorf("born %s, want %s", got, start())
		}
	}
}
