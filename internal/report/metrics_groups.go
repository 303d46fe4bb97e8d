package report

import (
	"cmp"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// place is what groups are told apart by.
type place struct{ netns, local string }

// other is where the groups beyond the most are counted together.
func other() place { return place{"", "other"} }

// groups adds up listeners by address. Counters only grow, whoever joins and
// leaves: what each listener counted since the last snapshot is added.
type groups struct {
	most  int
	own   map[place]*group // with a name of their own
	other *group
	seats map[listener.Cookie]*seat
	round uint64 // of take
	now   struct{ places, overflow int }
}

// seat is what is remembered of one listener.
type seat struct {
	place
	name  string // that its network namespace had
	last  counts
	round uint64 // in which it was there last
}

// reserve is how many of the groups that came too late still get a name, once one
// of their members is stuck: whoever is called must learn where.
const reserve = 100

func newGroups(most int) *groups {
	return &groups{most: most, own: make(map[place]*group), other: newGroup(), seats: make(map[listener.Cookie]*seat)}
}

// group is the sum of the listeners on one address.
type group struct {
	alive    bool
	verdicts map[listener.Verdict]int
	causes   map[listener.Cause]int
	queue    uint64
	backlog  uint64
	stuck    uint64 // of the queue, at stuck members
	oldest   listener.Maybe[float64]
	share    listener.Maybe[float64]
	total    counts // since the group was first seen
}

func newGroup() *group {
	return &group{verdicts: make(map[listener.Verdict]int), causes: make(map[listener.Cause]int)}
}

func (g *group) clear() {
	clear(g.verdicts)
	clear(g.causes)
	*g = group{verdicts: g.verdicts, causes: g.causes, total: g.total}
}

// counts are counters of one listener, or of several together.
type counts [6]listener.Maybe[uint64]

func countsOf(l *listener.Listener) counts {
	return counts{l.SYNs.Maybe(), l.SYNsFull.Maybe(), l.Selected.Maybe(), l.Queued.Maybe(), l.Accepted.Maybe(), l.Dropped.Maybe()}
}

// since is what was counted between last and c. A counter that is smaller than it
// was began anew.
func (c counts) since(last counts) counts {
	for i := range c {
		now, known := c[i].Get()
		if before, _ := last[i].Get(); known && before <= now {
			c[i] = listener.Known(now - before)
		}
	}
	return c
}

func (c *counts) add(more counts) {
	for i := range c {
		if n, known := more[i].Get(); known {
			c[i] = listener.Known(c[i].Or(0) + n)
		}
	}
}

// take adds up a snapshot.
func (gs *groups) take(js []listener.Judgement) {
	for _, g := range gs.own {
		g.clear()
	}
	gs.other.clear()
	gs.now.places, gs.now.overflow = 0, 0
	beyond := make(map[place]bool)
	gs.round++
	for i := range js {
		j := &js[i]
		at := gs.seat(j.Listener)
		g := gs.of(at.place, j)
		if g == gs.other {
			beyond[at.place] = true
		}
		c := countsOf(j.Listener)
		g.add(j, c.since(at.last))
		at.last = c
	}
	for cookie, s := range gs.seats {
		if s.round != gs.round {
			delete(gs.seats, cookie)
		}
	}
	for p, g := range gs.own {
		if !g.alive {
			delete(gs.own, p)
		}
	}
	gs.now.overflow = len(beyond)
	gs.now.places = len(gs.own) + len(beyond)
}

// of gives the group of a listener; once it has a name it keeps it.
func (gs *groups) of(p place, j *listener.Judgement) *group {
	if g := gs.own[p]; g != nil {
		return g
	}
	most := gs.most
	if j.Verdict == listener.Stuck {
		most += reserve
	}
	if len(gs.own) >= most {
		return gs.other
	}
	g := newGroup()
	gs.own[p] = g
	return g
}

// seat gives what is remembered of a listener.
func (gs *groups) seat(l *listener.Listener) *seat {
	s := gs.seats[l.Cookie]
	if s == nil {
		s = &seat{}
		gs.seats[l.Cookie] = s
	}
	s.round = gs.round
	if s.local == "" || s.name != l.NetnsName {
		s.place, s.name = placeOf(l), l.NetnsName
	}
	return s
}

func placeOf(l *listener.Listener) place {
	local := l.Local.String()
	if l.Device != 0 {
		local = fmt.Sprintf("%s%%%d", local, l.Device)
	}
	return place{cmp.Or(l.NetnsName, fmt.Sprint(l.Netns)), local}
}

func (g *group) add(j *listener.Judgement, since counts) {
	g.alive = true
	g.verdicts[j.Verdict]++
	g.queue += uint64(j.Queue)
	g.backlog += uint64(j.Backlog)
	g.total.add(since)
	if wait, known := j.OldestWait.Get(); known {
		g.oldest = listener.Known(max(g.oldest.Or(0), wait.Seconds()))
	}
	if j.Verdict != listener.Stuck {
		if j.Share.IsKnown() {
			g.share = listener.Known(g.share.Or(0))
		}
		return
	}
	g.causes[j.Cause]++
	g.stuck += uint64(j.Queue)
	if share, known := j.Share.Get(); known {
		g.share = listener.Known(g.share.Or(0) + share)
	}
}

func (gs *groups) collect(d *descs, to *exposition) {
	gauge := func(desc *prometheus.Desc, n int) { to.add(desc, prometheus.GaugeValue, float64(n)) }
	gauge(d.groups, gs.now.places)
	gauge(d.overflow, gs.now.overflow)
	for p, g := range gs.own {
		g.collect(d, p, to)
	}
	// Its counters must not go away and come back.
	if gs.now.overflow > 0 || gs.other.total != (counts{}) {
		gs.other.collect(d, other(), to)
	}
}

func (g *group) collect(d *descs, p place, to *exposition) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, v float64, more ...string) {
		to.add(desc, kind, v, append([]string{p.netns, p.local}, more...)...)
	}
	gauge := func(desc *prometheus.Desc, v float64, more ...string) { send(desc, prometheus.GaugeValue, v, more...) }
	for _, v := range verdicts() {
		// That there is none stuck is worth a line; of others it is not.
		if n := g.verdicts[v]; n > 0 || v == listener.Stuck {
			gauge(d.members, float64(n), verdictName(v))
		}
	}
	for cause, n := range g.causes {
		gauge(d.stuck, float64(n), string(cause))
	}
	gauge(d.queue, float64(g.queue))
	gauge(d.backlog, float64(g.backlog))
	gauge(d.stuckQueue, float64(g.stuck))
	// An empty queue has nobody who waits.
	gauge(d.oldest, g.oldest.Or(0))
	if share, known := g.share.Get(); known {
		gauge(d.share, share)
	}
	for i, desc := range []*prometheus.Desc{d.syns, d.synsFull, d.selected, d.queued, d.accepted, d.dropped} {
		if n, known := g.total[i].Get(); known {
			send(desc, prometheus.CounterValue, float64(n))
		}
	}
}
