package top

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Sort is the order of the listeners.
type Sort string

// The orders. Within each, equals stay in the order of namespace and address.
const (
	Worst   Sort = "worst" // stuck, suspect, slow, the rest
	Queue   Sort = "queue"
	Oldest  Sort = "oldest"
	Rate    Sort = "rate" // of new connections
	Address Sort = "address"
	PID     Sort = "pid"
	Command Sort = "command"
)

// Sorts gives all orders, in the order in which the key goes through them.
func Sorts() []Sort { return []Sort{Worst, Queue, Oldest, Rate, Address, PID, Command} }

// item is one listener of the frame that is shown.
type item struct {
	j     *listener.Judgement
	past  *past
	index int // in the frame
	rank  int
	key   key
}

// key is what is sorted by, the least first.
type key struct {
	number float64
	text   string
}

func (k key) compare(o key) int {
	if c := cmp.Compare(k.number, o.number); c != 0 {
		return c
	}
	return cmp.Compare(k.text, o.text)
}

// group is the members of a group, or one listener that is in none.
type group struct {
	members []*item
	key     key
	index   int // of the first member in the frame
}

func (g *group) alone() bool { return len(g.members) == 1 }

// count is how many members are of this rank.
func (g *group) count(rank int) int {
	n := 0
	for _, it := range g.members {
		if it.rank == rank {
			n++
		}
	}
	return n
}

// worst is the member of the lowest rank.
func (g *group) worst() *item {
	return slices.MinFunc(g.members, func(a, b *item) int { return cmp.Compare(a.rank, b.rank) })
}

// Ranks of verdicts, the worst first.
const (
	rankStuck = iota
	rankSuspect
	rankSlow
	rankFine
)

func rankOf(v listener.Verdict) int {
	switch v {
	case listener.Stuck:
		return rankStuck
	case listener.Suspect:
		return rankSuspect
	case listener.Slow:
		return rankSlow
	default:
		return rankFine
	}
}

// table is a frame in order: worked out once a frame, not once a key.
type table struct {
	frame  *wire.Frame
	groups []*group
	real   int // groups of the kernel's
	sums   sums
}

// sums are the header's.
type sums struct {
	stuck, suspect, slow int
	waiting              uint64
	came                 total
}

// total adds what may not be known.
type total struct {
	sum            float64
	known, unknown bool
}

func (t *total) add(v listener.Maybe[float64]) {
	n, known := v.Get()
	t.sum += n
	t.known = t.known || known
	t.unknown = t.unknown || !known
}

func newTable(f *wire.Frame, h *history) *table {
	t := &table{frame: f}
	items := make([]item, len(f.Listeners))
	find := make(map[listener.GroupKey]*group, len(f.Listeners))
	for i := range f.Listeners {
		j := &f.Listeners[i]
		it := &items[i]
		*it = item{j: j, past: h.of[j.Cookie], index: i, rank: rankOf(j.Verdict)}
		t.sums.add(it)
		if j.Group == 0 || !j.Reuseport {
			t.groups = append(t.groups, &group{members: []*item{it}, index: i})
			continue
		}
		g := find[j.Group]
		if g == nil {
			g = &group{index: i}
			find[j.Group] = g
			t.groups = append(t.groups, g)
		}
		g.members = append(g.members, it)
	}
	for _, g := range t.groups {
		if !g.alone() {
			t.real++
		}
	}
	return t
}

func (s *sums) add(it *item) {
	switch it.rank {
	case rankStuck:
		s.stuck++
	case rankSuspect:
		s.suspect++
	case rankSlow:
		s.slow++
	}
	s.waiting += uint64(it.j.Queue)
	s.came.add(it.past.queuedRate)
}

// sort orders members within groups, and groups. Where held is not nil all that
// is in it stays where it was.
func (t *table) sort(by Sort, held map[listener.Cookie]int) {
	for _, g := range t.groups {
		for _, it := range g.members {
			it.key = it.keyOf(by)
			if held != nil {
				at, known := held[it.j.Cookie]
				if !known {
					at = len(held)
				}
				it.key = key{number: float64(at)}
			}
		}
		slices.SortFunc(g.members, compareItems)
		g.key = g.members[0].key
		if held == nil && (by == Queue || by == Rate) {
			g.key.number = 0
			for _, it := range g.members {
				g.key.number += it.key.number
			}
		}
	}
	slices.SortFunc(t.groups, func(a, b *group) int {
		return cmp.Or(a.key.compare(b.key), cmp.Compare(a.index, b.index))
	})
}

func compareItems(a, b *item) int {
	return cmp.Or(a.key.compare(b.key), cmp.Compare(a.index, b.index))
}

func (it *item) keyOf(by Sort) key {
	j := it.j
	switch by {
	case Queue:
		return key{number: -float64(j.Queue)}
	case Oldest:
		return key{number: -float64(waited(j, 0).Or(0))}
	case Rate:
		return key{number: -it.past.queuedRate.Or(0)}
	case Address:
		return key{}
	case PID:
		if o := ownerOf(j); o != nil {
			return key{number: float64(o.PID)}
		}
		return key{number: 1 << 40}
	case Command:
		if o := ownerOf(j); o != nil {
			return key{text: o.Comm}
		}
		return key{text: "\xff"}
	default:
		// By the doublings of what waits: two long queues do not change places at
		// every frame.
		k := it.rank * 64
		if it.rank <= rankSuspect {
			k -= bits.Len32(j.Queue)
		}
		return key{number: float64(k)}
	}
}

// ownerOf is the owner to name first: the culprit, if it is known.
func ownerOf(j *listener.Judgement) *listener.Owner {
	if o, known := j.CulpritOwner(); known {
		return o
	}
	if len(j.Owners) > 0 {
		return &j.Owners[0]
	}
	return nil
}

// row is one line of the list: a group, or a listener.
type row struct {
	group *group
	item  *item // nil: the group itself
	last  bool  // of its group
}

// rows are the lines that the filter leaves.
func (t *table) rows(flat bool, f *filter) []row {
	n := len(t.frame.Listeners)
	out := make([]row, 0, n+t.real)
	for _, g := range t.groups {
		if flat || g.alone() {
			for _, it := range g.members {
				if f.match(it) {
					out = append(out, row{group: g, item: it})
				}
			}
			continue
		}
		begin := len(out)
		for _, it := range g.members {
			if !f.match(it) {
				continue
			}
			if len(out) == begin {
				out = append(out, row{group: g})
			}
			out = append(out, row{group: g, item: it})
		}
		if len(out) > begin {
			out[len(out)-1].last = true
		}
	}
	if flat {
		slices.SortFunc(out, func(a, b row) int { return compareItems(a.item, b.item) })
	}
	return out
}

// waited is how long the oldest client has waited by now.
func waited(j *listener.Judgement, since time.Duration) listener.Maybe[time.Duration] {
	if d, known := j.OldestWait.Get(); known && j.Queue > 0 {
		return listener.Known(d + since)
	}
	return listener.Maybe[time.Duration]{}
}
