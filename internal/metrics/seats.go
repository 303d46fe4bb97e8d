package metrics

import "github.com/reusewatch/reusewatch/internal/listener"

// counts are counters of one listener, or of several together.
type counts [6]listener.Count

func countsOf(l *listener.Listener) counts {
	return counts{l.SYNs, l.SYNsFull, l.Selected, l.Queued, l.Accepted, l.Dropped}
}

func (c *counts) add(more counts) {
	for i := range c {
		if n, known := more[i].Get(); known {
			c[i] = listener.Counted(c[i].Or(0) + n)
		}
	}
}

// seats remember what listeners had counted when they were looked at last. Most have
// counted nothing, and need none.
type seats struct {
	of    map[listener.Cookie]seat
	round uint64
	taken int // in this round
}

type seat struct {
	last  [6]uint64 // 0: unknown, too
	round uint64    // in which it was there last
}

func newSeats() seats { return seats{of: make(map[listener.Cookie]seat)} }

// begin begins a round, in which since is asked of each listener once.
func (s *seats) begin() {
	s.round++
	s.taken = 0
}

// since is what a listener counted since the round before. A counter that is smaller than it
// was began anew.
func (s *seats) since(l *listener.Listener) counts {
	c := countsOf(l)
	var now seat
	for i := range c {
		now.last[i] = c[i].Or(0)
	}
	if now == (seat{}) {
		return c
	}
	before := s.of[l.Cookie].last
	for i := range c {
		if n, known := c[i].Get(); known && before[i] <= n {
			c[i] = listener.Counted(n - before[i])
		}
	}
	now.round = s.round
	s.of[l.Cookie] = now
	s.taken++
	return c
}

// end ends it: who was not there has gone.
func (s *seats) end() {
	if s.taken == len(s.of) {
		return
	}
	for cookie, seat := range s.of {
		if seat.round != s.round {
			delete(s.of, cookie)
		}
	}
}
