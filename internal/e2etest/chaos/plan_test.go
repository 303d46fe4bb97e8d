package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// plan is all that a seed draws. Whatever a machine is too slow for comes later, in the
// same order.
type plan struct {
	seed    uint64
	kind    string // of server
	members int    // healthy ones at first; the first of them is only ever reloaded
	bursts  bool   // clients come in bursts, with silence between
	late    bool   // the agent starts after the members
	steps   []step
	// younger is after how many steps a healthy sibling joins that is younger than all who
	// are dead; that many as there are: at the end.
	younger int
}

// step is one event.
type step struct {
	wait   time.Duration // after the one before
	event  string
	how    string
	member int           // which one, where the event is about one
	lasts  time.Duration // until it is undone; 0: it needs no undoing
}

func (s step) String() string {
	name := s.event
	if s.how != "" {
		name += ":" + s.how
	}
	if s.member > 0 {
		name += fmt.Sprintf("@%d", s.member)
	}
	return name
}

func (p *plan) String() string {
	words := []string{fmt.Sprintf("%s×%d", p.kind, p.members)}
	for flag, word := range map[string]bool{"bursts": p.bursts, "late agent": p.late} {
		if word {
			words = append(words, flag)
		}
	}
	slices.Sort(words[1:])
	for i, s := range p.steps {
		if i == p.younger && p.dead() != "" {
			words = append(words, "younger")
		}
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}

// dead is how a member is at a dead end; "" if none is.
func (p *plan) dead() string {
	for _, s := range p.steps {
		if s.event == "dead" {
			return s.how
		}
	}
	return ""
}

// kindOfEvent is what may happen to servers of one kind.
type kindOfEvent struct {
	name string
	hows []string
	// one: it is about one member, which does nothing else meanwhile.
	one bool
	// lasts until it is undone.
	lasts bool
}

// common may happen to all kinds.
func common() []kindOfEvent {
	return []kindOfEvent{
		{name: "stranger", hows: []string{"program", "place"}},
		{name: "agent", hows: []string{"restart", "kill"}},
		{name: "agent", hows: []string{"stop"}, lasts: true},
		{name: "join", hows: []string{""}},
	}
}

// kinds are those of servers, with what may happen to them, and the dead ends of each.
func kinds() map[string]struct {
	events []kindOfEvent
	dead   []string
} {
	type kind = struct {
		events []kindOfEvent
		dead   []string
	}
	suspend := kindOfEvent{name: "suspend", hows: []string{""}, one: true, lasts: true}
	return map[string]kind{
		"haproxy": {
			[]kindOfEvent{
				{name: "reload", hows: []string{"sf", "x"}, one: true},
				{name: "limit", hows: []string{"maxconn"}, lasts: true},
				suspend,
			},
			[]string{"stderr", "fifo"},
		},
		"nginx": {
			[]kindOfEvent{
				{name: "reload", hows: []string{"hup"}, one: true},
				{name: "log", hows: []string{""}, one: true, lasts: true},
				suspend,
			},
			[]string{"stderr"},
		},
		"zoo": {
			[]kindOfEvent{
				{name: "reload", hows: []string{"anew"}, one: true},
				{name: "job", hows: []string{"beside", "child", "after"}, one: true, lasts: true},
				{name: "migrate", hows: []string{"nap", "read"}, lasts: true},
				{name: "leak", hows: []string{""}, one: true},
				{name: "limit", hows: []string{"3"}, one: true, lasts: true},
				{name: "fifo", hows: []string{""}, one: true, lasts: true},
				suspend,
			},
			[]string{
				"fifo-read", "fifo-write", "own-pipe-full", "own-pipe-read", "own-pair", "handler-lock",
				"pause", "sigsuspend", "sigwait", "crowd", "abba", "cond", "mixed",
			},
		},
		"go": {
			[]kindOfEvent{
				{name: "reload", hows: []string{"anew"}, one: true},
				{name: "job", hows: []string{"beside"}, one: true, lasts: true},
				{name: "migrate", hows: []string{"nap"}, lasts: true},
				{name: "limit", hows: []string{"3"}, one: true, lasts: true},
				suspend,
			},
			[]string{"pause"},
		},
	}
}

// draw makes a plan of a seed.
func draw(seed uint64) *plan {
	r := rand.New(rand.NewPCG(seed, 16))
	names := []string{"haproxy", "nginx", "zoo", "zoo", "go"}
	p := &plan{
		seed: seed, kind: names[r.IntN(len(names))], members: 2 + r.IntN(2),
		bursts: r.IntN(2) == 0, late: r.IntN(3) == 0,
	}
	kind := kinds()[p.kind]
	free := make([]int, 0, p.members) // of one whose state lasts nothing else is asked
	for i := 1; i < p.members; i++ {
		free = append(free, i)
	}
	strangers := 0
	for range 3 + r.IntN(3) {
		from := kind.events
		if r.IntN(3) == 0 {
			from = common()
		}
		e := from[r.IntN(len(from))]
		s := step{wait: seconds(r, 0.4, 2), event: e.name, how: e.hows[r.IntN(len(e.hows))]}
		if e.name == "stranger" {
			if strangers++; strangers > 1 {
				continue
			}
		}
		// Of who hangs after it has served only an agent that saw it serve can know that.
		if e.name == "agent" && slices.ContainsFunc(p.steps, hangs) || hangs(s) && slices.ContainsFunc(p.steps, disturbs) {
			continue
		}
		if e.lasts {
			s.lasts = seconds(r, 8, 11) // longer than act-after
		}
		if e.one && e.lasts {
			if len(free) == 0 {
				continue
			}
			i := r.IntN(len(free))
			s.member = free[i]
			free = slices.Delete(free, i, i+1)
		} else if e.one && len(free) > 0 && r.IntN(2) == 0 {
			s.member = free[r.IntN(len(free))]
		}
		p.steps = append(p.steps, s)
	}
	if r.IntN(5) < 3 {
		at := r.IntN(len(p.steps) + 1)
		dead := step{wait: seconds(r, 0, 1), event: "dead", how: kind.dead[r.IntN(len(kind.dead))]}
		p.steps = slices.Insert(p.steps, at, dead)
		p.younger = at + 1 + r.IntN(len(p.steps)-at)
		if r.IntN(8) == 0 { // only strangers accept, until the younger sibling joins
			p.members, p.younger = 0, 3
			how := []string{"program", "place"}[r.IntN(2)]
			p.steps = []step{
				dead,
				{wait: time.Second, event: "stranger", how: how},
				{wait: seconds(r, 6, 9), event: "agent", how: "restart"},
			}
		}
	}
	return p
}

// hangs: who has served comes to a dead end, which its class holds.
func hangs(s step) bool { return s.event == "fifo" || s.event == "log" }

func disturbs(s step) bool { return s.event == "agent" }

func seconds(r *rand.Rand, from, to float64) time.Duration {
	return time.Duration((from + r.Float64()*(to-from)) * float64(time.Second)).Round(10 * time.Millisecond)
}
