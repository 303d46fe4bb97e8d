package judge

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const trials = 20000

// gen makes hosts at random, near the edges at which judgements change.
type gen struct{ *rand.Rand }

func (g gen) coin() bool { return g.IntN(2) == 0 }

func pick[T any](g gen, values ...T) T { return values[g.IntN(len(values))] }

func maybe[T any](g gen, values ...T) listener.Maybe[T] {
	if g.IntN(4) == 0 {
		return listener.Maybe[T]{}
	}
	return listener.Known(pick(g, values...))
}

func (g gen) owner(pid int) listener.Owner {
	o := owner(pid)
	if g.coin() {
		return o
	}
	o.State = pick(g, "S", "S", "S", "D", "R", "T", "t")
	o.Tracer = pick(g, 0, 0, 0, 9)
	o.Connections = maybe(g, 0, 0, 0, 2)
	o.AcceptedElsewhere = maybe(g, false, false, true)
	o.NSPID = pick(g, pid, pid, 1)
	if g.IntN(8) == 0 {
		o.Evidence = nil
		return o
	}
	o.Evidence.Registered = maybe(g, false, false, true)
	o.Evidence.Frozen = maybe(g, false, false, true)
	o.Evidence.Usage = maybe(g, listener.Usage{Over: 9 * time.Second},
		listener.Usage{Over: 9 * time.Second, User: 9 * time.Second}, listener.Usage{IOBytes: 1}, listener.Usage{RunnableWait: 0.5})
	return o
}

func (g gen) listener(key listener.Key) *listener.Listener {
	l := member(key, int(key)*10)
	l.Group = pick(g, group, group, group, 0)
	l.NetCookie = 1
	since := pick(g, time.Second, 9*time.Second, 20*time.Second)
	if g.coin() {
		l.Queue = pick(g, uint32(1), 50)
		l.Head = listener.Head{Request: uint64(key)}
		l.OldestWait = maybe(g, time.Second, 9*time.Second, time.Hour)
		n := int(since/time.Second) + 1
		l.Window = listener.Window{
			Since: instant().Add(-since), Observed: since, Samples: n, Walked: pick(g, n-1, n-1, 0),
		}
		if g.coin() {
			l.Window.Waited, l.Window.Armed = l.Window.Walked, l.Window.Walked
			l.Window.Slept = pick(g, 0, l.Window.Walked)
		}
	}
	l.LastAccept = maybe(g, instant(), instant().Add(-5*time.Second), instant().Add(-time.Hour))
	if l.Queue > 0 && g.IntN(4) > 0 {
		l.LastAccept = listener.Maybe[time.Time]{}
	}
	born := instant().Add(-pick(g, time.Second, time.Minute, time.Hour))
	l.FirstSeen = born // of one that we saw being born; nobody sees it earlier
	l.ListenedAt, l.CountedSince = maybe(g, born), maybe(g, born, instant())
	for _, c := range counters(l) {
		*c = maybe[uint64](g, 0, 0, 1, 100)
	}
	l.Owners = nil
	for i := range pick(g, 1, 1, 1, 0, 2) {
		l.Owners = append(l.Owners, g.owner(int(key)*10+i))
	}
	l.OwnersKnown = g.IntN(8) > 0
	return l
}

func counters(l *listener.Listener) []*listener.Maybe[uint64] {
	return []*listener.Maybe[uint64]{&l.SYNs, &l.SYNsFull, &l.Selected, &l.Queued, &l.Adopted, &l.Accepted, &l.Dropped}
}

func (g gen) policy() *Policy {
	p := testPolicy()
	p.Default.AllowServed, p.Default.AllowSole, p.Default.AllowStopped = g.coin(), g.coin(), g.coin()
	p.Default.StartupGrace = pick(g, 0, 5*time.Minute)
	return p
}

func (g gen) host() *listener.Snapshot {
	s := snapshot()
	for key := range listener.Key(1 + g.IntN(5)) {
		s.Listeners = append(s.Listeners, g.listener(key+1))
	}
	return s
}

func changed(s *listener.Snapshot, i int, change func(*listener.Listener)) *listener.Snapshot {
	out := *s
	out.Listeners = slices.Clone(s.Listeners)
	l := *s.Listeners[i]
	change(&l)
	out.Listeners[i] = &l
	return &out
}

func kills(j *listener.Judgement) bool { return j.Decision != nil && j.Decision.Act == listener.Kill }

// forAll tries a property on many hosts, and makes sure that some of them are
// acted on: a property of hosts that are all held would show nothing.
func forAll(t *testing.T, property func(t *testing.T, g gen, s *listener.Snapshot, p *Policy, js []listener.Judgement)) {
	t.Helper()
	acted := 0
	for seed := range uint64(trials) {
		g := gen{rand.New(rand.NewPCG(seed, 1))}
		s, p := g.host(), g.policy()
		js := Judge(s, p, &Past{})
		for i := range js {
			if kills(&js[i]) {
				acted++
			}
		}
		property(t, g, s, p, js)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if acted < trials/100 {
		t.Fatalf("only %d acts among %d hosts: the generator tries too little", acted, trials)
	}
}

// TestAcceptAcquits: one accept on a listener clears it.
func TestAcceptAcquits(t *testing.T) {
	forAll(t, func(t *testing.T, g gen, s *listener.Snapshot, p *Policy, _ []listener.Judgement) {
		i := g.IntN(len(s.Listeners))
		after := Judge(changed(s, i, func(l *listener.Listener) {
			l.LastAccept = listener.Known(s.Time)
			l.Head.Request++
			l.Window = listener.Window{Since: s.Time, Samples: 1, Walked: 1}
			if l.Queue == 0 {
				l.Head, l.Window = listener.Head{}, listener.Window{}
			}
		}), p, &Past{})[i]
		if after.Verdict == listener.Suspect || after.Verdict == listener.Stuck || after.Decision != nil {
			t.Errorf("%s, %+v after an accept", after.Verdict, after.Decision)
		}
	})
}

// TestUnknownNeverActs: a counter that becomes unknown turns no hold into an act.
func TestUnknownNeverActs(t *testing.T) {
	forAll(t, func(t *testing.T, g gen, s *listener.Snapshot, p *Policy, before []listener.Judgement) {
		i := g.IntN(len(s.Listeners))
		which := g.IntN(10)
		after := Judge(changed(s, i, func(l *listener.Listener) {
			cs := counters(l)
			switch {
			case which < len(cs):
				*cs[which] = listener.Maybe[uint64]{}
			case which == 7:
				l.CountedSince = listener.Maybe[time.Time]{}
			case which == 8:
				l.ListenedAt = listener.Maybe[time.Time]{}
			default:
				l.Share = listener.Maybe[float64]{}
			}
		}), p, &Past{})
		for k := range after {
			if kills(&after[k]) && !kills(&before[k]) {
				t.Errorf("listener %d: %+v became an act when number %d of listener %d became unknown", k, before[k].Decision, which, i)
			}
		}
	})
}

// TestMissingHookNeverActs: a kernel that lacks a hook, so that what it would tell is
// unknown of every listener, turns no hold into an act, nor one act into another.
func TestMissingHookNeverActs(t *testing.T) {
	unknown := listener.Maybe[uint64]{}
	hooks := map[string]func(*listener.Listener){
		"SYNs":       func(l *listener.Listener) { l.SYNs, l.SYNsFull = unknown, unknown },
		"selections": func(l *listener.Listener) { l.Selected, l.Share = unknown, listener.Maybe[float64]{} },
		"adoptions":  func(l *listener.Listener) { l.Adopted = unknown },
		"queued": func(l *listener.Listener) {
			l.Queued, l.Accepted, l.CountedSince = unknown, unknown, listener.Maybe[time.Time]{}
		},
		"births": func(l *listener.Listener) { l.ListenedAt = listener.Maybe[time.Time]{} },
	}
	forAll(t, func(t *testing.T, _ gen, s *listener.Snapshot, p *Policy, before []listener.Judgement) {
		for hook, lose := range hooks {
			lacking := *s
			lacking.Listeners = nil
			for _, l := range s.Listeners {
				without := *l
				lose(&without)
				lacking.Listeners = append(lacking.Listeners, &without)
			}
			for k, after := range Judge(&lacking, p, &Past{}) {
				if kills(&after) && (!kills(&before[k]) || after.Culprit != before[k].Culprit) {
					t.Errorf("listener %d: %+v became %+v without %s", k, before[k].Decision, after.Decision, hook)
				}
			}
		}
	})
}

// TestOrderChangesNothing at random.
func TestOrderChangesNothing(t *testing.T) {
	forAll(t, func(t *testing.T, g gen, s *listener.Snapshot, p *Policy, before []listener.Judgement) {
		shuffled := *s
		shuffled.Listeners = slices.Clone(s.Listeners)
		g.Shuffle(len(shuffled.Listeners), func(a, b int) {
			shuffled.Listeners[a], shuffled.Listeners[b] = shuffled.Listeners[b], shuffled.Listeners[a]
		})
		for _, after := range Judge(&shuffled, p, &Past{}) {
			i := slices.IndexFunc(before, func(j listener.Judgement) bool { return j.Cookie == after.Cookie })
			b := before[i]
			if b.Verdict != after.Verdict || b.Cause != after.Cause || b.Culprit != after.Culprit || kills(&b) != kills(&after) ||
				b.Decision != nil && !slices.Equal(b.Decision.Reasons, after.Decision.Reasons) {
				t.Errorf("%+v became %+v", b, after)
			}
		}
	})
}
