package metrics

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// lasting is how long somebody must have listened on an address until it has a name: those
// that come and go would bring Prometheus new series without end.
const lasting = time.Minute

// place is what groups are told apart by.
type place struct {
	netns  uint32 // 0 where it has a name
	name   string
	local  netip.AddrPort
	device int32
}

func placeOf(l *listener.Listener) place {
	p := place{netns: l.Netns, name: l.NetnsName, local: l.Local, device: l.Device}
	if p.name != "" {
		p.netns = 0
	}
	return p
}

// labels are those of its series.
func (p *place) labels() []string {
	local := p.local.String()
	if p.device != 0 {
		local = fmt.Sprintf("%s%%%d", local, p.device)
	}
	return []string{cmp.Or(p.name, fmt.Sprint(p.netns)), local}
}

// groups adds up listeners by address. Counters only grow, whoever joins and
// leaves: what each listener counted since the last snapshot is added.
//
// An address has a name once somebody has listened there for a minute, or at once if a member
// is stuck: whoever is called must learn where. So many have one, and as many again that got it
// because they are stuck. All others are counted together.
type groups struct {
	most   int
	own    map[place]*group // with a name of their own
	urgent int              // of these, how many got it because they are stuck, and have no other right to it
	other  *group
	seats  seats
	began  time.Time // the first snapshot
	taken  []listener.Judgement
	until  time.Time // then time alone gives somebody a name
	now    struct{ places, young, overflow int }
}

func newGroups(most int) *groups {
	return &groups{most: most, own: make(map[place]*group), other: newGroup(), seats: newSeats()}
}

// group is the sum of the listeners on one address.
type group struct {
	alive    bool
	urgent   bool
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
	*g = group{urgent: g.urgent, verdicts: g.verdicts, causes: g.causes, total: g.total}
}

// take adds up a snapshot, unless nothing is new.
func (gs *groups) take(now time.Time, js []listener.Judgement) bool {
	if gs.began.IsZero() {
		gs.began = now
	}
	if listener.SameList(js, gs.taken) && now.Before(gs.until) {
		return false
	}
	gs.taken = js
	for _, g := range gs.own {
		g.clear()
	}
	gs.other.clear()
	gs.seats.begin()
	gs.until = now.Add(lasting)
	gs.name(now, js)
	beyond := gs.add(now, js)
	gs.seats.end()
	for p, g := range gs.own {
		if !g.alive {
			gs.forget(p, g)
		}
	}
	gs.now.young, gs.now.overflow = beyond.young, beyond.places-beyond.young
	gs.now.places = len(gs.own) + beyond.places
	return true
}

// name gives names to those that have a right to one, as long as there are some.
func (gs *groups) name(now time.Time, js []listener.Judgement) {
	refused := false
	for i := range js {
		j := &js[i]
		stuck, room := j.Verdict == listener.Stuck, len(gs.own)-gs.urgent < gs.most
		lasted := room && gs.lasted(now, j.Listener)
		if !stuck && !lasted {
			continue
		}
		p := placeOf(j.Listener)
		g := gs.own[p]
		switch {
		case g != nil && g.urgent && lasted:
			g.urgent = false
			gs.urgent--
		case g != nil:
		case lasted:
			gs.own[p] = newGroup()
		case stuck && gs.urgent < gs.most:
			gs.own[p] = newGroup()
			gs.own[p].urgent = true
			gs.urgent++
		default:
			refused = refused || stuck
		}
	}
	if refused {
		gs.recall(js)
		gs.until = now // at the next snapshot, whatever it brings
	}
}

// recall takes names back that were given because of a stuck member, where none is any more:
// others need them.
func (gs *groups) recall(js []listener.Judgement) {
	stuck := make(map[place]bool)
	for i := range js {
		if js[i].Verdict == listener.Stuck {
			stuck[placeOf(js[i].Listener)] = true
		}
	}
	for p, g := range gs.own {
		if g.urgent && !stuck[p] {
			gs.other.total.add(g.total)
			gs.forget(p, g)
		}
	}
}

func (gs *groups) forget(p place, g *group) {
	delete(gs.own, p)
	if g.urgent {
		gs.urgent--
	}
}

// lasted says that a listener has been there long enough: for a minute, or since before we
// were.
func (gs *groups) lasted(now time.Time, l *listener.Listener) bool {
	since := l.ListenedAt.Or(l.FirstSeen)
	if !l.ListenedAt.IsKnown() && !since.After(gs.began) {
		return true
	}
	at := since.Add(lasting)
	if now.Before(at) {
		if at.Before(gs.until) {
			gs.until = at
		}
		return false
	}
	return true
}

// without are the addresses that have no name.
type without struct {
	places, young int
	// Of those with one port, which differ in their device; lasted goes with them.
	here   []place
	lasted []bool
}

// add adds every listener to its group. Members of one follow each other in a snapshot.
func (gs *groups) add(now time.Time, js []listener.Judgement) without {
	var beyond without
	for i := range js {
		j := &js[i]
		p := placeOf(j.Listener)
		g := gs.own[p]
		if g == nil {
			g = gs.other
			beyond.note(p, gs.lasted(now, j.Listener) || j.Verdict == listener.Stuck)
		}
		g.add(j, gs.seats.since(j.Listener))
	}
	beyond.flush()
	return beyond
}

// note counts an address once.
func (w *without) note(p place, lasted bool) {
	if len(w.here) > 0 && (w.here[0].netns != p.netns || w.here[0].name != p.name || w.here[0].local != p.local) {
		w.flush()
	}
	i := slices.Index(w.here, p)
	if i < 0 {
		w.here, w.lasted = append(w.here, p), append(w.lasted, lasted)
		return
	}
	w.lasted[i] = w.lasted[i] || lasted
}

func (w *without) flush() {
	w.places += len(w.here)
	for _, lasted := range w.lasted {
		if !lasted {
			w.young++
		}
	}
	w.here, w.lasted = w.here[:0], w.lasted[:0]
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
	gauge(d.young, gs.now.young)
	gauge(d.overflow, gs.now.overflow)
	for p, g := range gs.own {
		g.collect(d, p.labels(), to)
	}
	// Its counters must not go away and come back.
	if gs.now.young+gs.now.overflow > 0 || gs.other.total != (counts{}) {
		gs.other.collect(d, []string{"", "other"}, to)
	}
}

func (g *group) collect(d *descs, at []string, to *exposition) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, v float64, more ...string) {
		to.add(desc, kind, v, slices.Concat(at, more)...)
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
