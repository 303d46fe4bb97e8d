package judge

import (
	"maps"
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
	g.life(&o)
	o.Evidence.FilesFull = maybe(g, false, false, true)
	o.NeverExec = g.coin()
	o.Evidence.Usage = maybe(g, listener.Usage{Over: 9 * time.Second},
		listener.Usage{Over: 9 * time.Second, User: 9 * time.Second},
		listener.Usage{IOBytes: 1}, listener.Usage{RunnableWait: 0.5})
	return o
}

// life is mostly that of a process that stands still, and may wait for anything.
func (g gen) life(o *listener.Owner) {
	shown := func() listener.Shown {
		s := listener.Shown{Known: g.IntN(8) > 0}
		if g.IntN(6) == 0 {
			s.Ago = maybe(g, 0, time.Second, time.Hour)
		}
		if g.IntN(8) == 0 {
			s.Gap = maybe(g, 0, time.Second, time.Hour)
		}
		return s
	}
	live(o, func(l *listener.Life) {
		l.Inert = maybe(g, 9*time.Second, 9*time.Second, 20*time.Second, 0)
		for _, s := range []*listener.Shown{&l.Moved, &l.Served, &l.Polled, &l.Alive, &l.Asked, &l.Ran} {
			*s = shown()
		}
		l.Waits[0] = listener.Wait{
			For: pick(g, listener.ForFIFO, listener.ForReader, listener.ForFutex, listener.ForData,
				listener.ForTimer, listener.ForUnknown, listener.ForLock),
			Threads: 1, AllEnds: g.coin(), Still: pick(g, 0, 9*time.Second, time.Hour),
		}
		if g.coin() {
			l.Waits[0].Ends = []listener.End{{
				PID: 7, Halted: g.IntN(4) == 0, Then: pick(g, listener.ForNothing, listener.ForTimer),
			}}
		}
		l.Children = pick(g, 0, 0, 0, 1)
		no, yes, unknown := listener.Known(false), listener.Known(true), listener.Maybe[bool]{}
		for _, m := range facts4(l) {
			*m = pick(g, no, no, no, yes, unknown)
		}
		l.Execs = maybe(g, 0, 0, 1)
		l.Refused = pick(g, listener.Refusal{}, listener.Refusal{},
			listener.Refusal{N: 9, Errno: 1}, listener.Refusal{N: 9, Errno: 24})
	})
}

func facts4(l *listener.Life) []*listener.Maybe[bool] {
	return []*listener.Maybe[bool]{&l.Timers, &l.Async, &l.SharesMemory, &l.Rings}
}

func (g gen) listener(key listener.Key) *listener.Listener {
	l := member(key, int(key)*10)
	l.Group = pick(g, group, group, group, 0)
	l.NetCookie = 1
	since := pick(g, time.Second, 9*time.Second, 20*time.Second)
	if g.coin() {
		l.Queue = pick(g, uint32(1), 50)
		l.Head = listener.Head{Request: uint64(key)}
		l.OldestWait = maybe(g, time.Second, 9*time.Second, time.Hour).Rare()
		n := int32(since/time.Second) + 1
		l.Window = listener.Window{
			Since: instant().Add(-since), Observed: since, Samples: n, Walked: pick(g, n-1, n-1, 0),
		}
		if g.coin() {
			l.Window.Waited, l.Window.Armed = l.Window.Walked, l.Window.Walked
			l.Window.Slept = pick(g, 0, l.Window.Walked)
		}
	}
	l.LastAccept = maybe(g, instant(), instant().Add(-5*time.Second), instant().Add(-time.Hour)).Rare()
	if l.Queue > 0 && g.IntN(4) > 0 {
		l.LastAccept = listener.Rare[time.Time]{}
	}
	born := instant().Add(-pick(g, time.Second, time.Minute, time.Hour))
	l.FirstSeen = born // of one that we saw being born; nobody sees it earlier
	l.ListenedAt, l.CountedSince = maybe(g, born).Rare(), maybe(g, born, instant()).Rare()
	l.BornSinceBoot = maybe(g, time.Minute).Rare()
	for _, c := range counters(l) {
		*c = listener.CountOf(maybe[uint64](g, 0, 0, 1, 100))
	}
	l.Owners = nil
	for i := range pick(g, 1, 1, 1, 0, 2) {
		l.Owners = append(l.Owners, g.owner(int(key)*10+i))
	}
	l.OwnersKnown = g.IntN(8) > 0
	return l
}

func counters(l *listener.Listener) []*listener.Count {
	return []*listener.Count{&l.SYNs, &l.SYNsFull, &l.Selected, &l.Queued, &l.Adopted, &l.Accepted, &l.Dropped}
}

func (g gen) policy() *Policy {
	p := testPolicy()
	p.Default.AllowServed, p.Default.AllowSole, p.Default.AllowStopped = g.coin(), g.coin(), g.coin()
	p.Default.AllowWaiting = g.coin()
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

// property asks something of what is judged of a host, by its policy.
type property func(t *testing.T, g gen, s *listener.Snapshot, p *Policy, js []listener.Judgement)

// forAll tries a property on many hosts, and makes sure that some of them are
// acted on: a property of hosts that are all held would show nothing.
func forAll(t *testing.T, holds property) {
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
		holds(t, g, s, p, js)
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
			l.LastAccept = listener.Rarely(s.Time)
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

// young says that only its age holds it. If its birth is not known, that is the age of its
// process, which is older.
func young(j *listener.Judgement) bool {
	return j.Decision != nil && slices.Equal(j.Decision.Reasons, []listener.Reason{listener.Starting})
}

// heldForAnother says that it is held only because another dead member of its group is
// waited for.
func heldForAnother(s *listener.Snapshot, p *Policy, k int) bool {
	alone := *s
	alone.Listeners = slices.Clone(s.Listeners)
	for i, l := range s.Listeners {
		if i != k && l.Group == s.Listeners[k].Group {
			other := *l
			other.Queue, other.Head, other.Window = 0, listener.Head{}, listener.Window{}
			alone.Listeners[i] = &other
		}
	}
	return kills(&Judge(&alone, p, &Past{})[k])
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
				*cs[which] = listener.Count{}
			case which == 7:
				l.CountedSince = listener.Rare[time.Time]{}
			case which == 8:
				l.ListenedAt, l.BornSinceBoot = listener.Rare[time.Time]{}, listener.Rare[time.Duration]{}
			default:
				l.Share = listener.Rare[float64]{}
			}
		}), p, &Past{})
		for k := range after {
			if kills(&after[k]) && !kills(&before[k]) && (which != 8 || !young(&before[k])) {
				t.Errorf("listener %d: %+v became an act when number %d of listener %d became unknown",
					k, before[k].Decision, which, i)
			}
		}
	})
}

// TestUnknownSignNeverActs: if a fact that a sign of life rests on becomes unknown, no hold
// turns into an act.
func TestUnknownSignNeverActs(t *testing.T) {
	unknown := listener.Maybe[bool]{}
	forget := map[string]func(*listener.Owner){
		"its life":        func(o *listener.Owner) { o.Evidence.Life = listener.Maybe[listener.Life]{} },
		"all of it":       func(o *listener.Owner) { o.Evidence = nil },
		"frozen":          func(o *listener.Owner) { o.Evidence.Frozen = unknown; o.Evidence.Threads = nil },
		"descriptors":     func(o *listener.Owner) { o.Evidence.FilesFull = unknown },
		"its epoll sets":  func(o *listener.Owner) { o.Evidence.Registered = unknown },
		"its connections": func(o *listener.Owner) { o.Connections = listener.Maybe[int]{} },
		"what it runs":    func(o *listener.Owner) { o.Exe, o.Cmdline = "", nil },
		"whether it is inert": func(o *listener.Owner) {
			live(o, func(l *listener.Life) { l.Inert = listener.Maybe[time.Duration]{} })
		},
		"a thread": func(o *listener.Owner) { o.Evidence.Total++ },
		"what it waits for": func(o *listener.Owner) {
			live(o, func(l *listener.Life) { l.Waits = []listener.Wait{{For: listener.ForUnknown, Threads: 1}} })
		},
		"who is at the other end": func(o *listener.Owner) {
			live(o, func(l *listener.Life) {
				l.Waits = slices.Clone(l.Waits)
				l.Waits[0].AllEnds, l.Waits[0].Still = false, 0
			})
		},
	}
	for i, name := range []string{"bytes", "service elsewhere", "polling", "waiting", "asking", "running"} {
		forget[name] = func(o *listener.Owner) {
			live(o, func(l *listener.Life) {
				*[]*listener.Shown{&l.Moved, &l.Served, &l.Polled, &l.Alive, &l.Asked, &l.Ran}[i] = listener.Shown{}
			})
		}
	}
	for i, name := range []string{"timers", "signals", "memory", "rings"} {
		forget[name] = func(o *listener.Owner) { live(o, func(l *listener.Life) { *facts4(l)[i] = unknown }) }
	}
	names := slices.Sorted(maps.Keys(forget))
	forAll(t, func(t *testing.T, g gen, s *listener.Snapshot, p *Policy, before []listener.Judgement) {
		i := g.IntN(len(s.Listeners))
		if len(s.Listeners[i].Owners) == 0 || s.Listeners[i].Owners[0].Evidence == nil {
			return
		}
		name := names[g.IntN(len(names))]
		after := Judge(changed(s, i, func(l *listener.Listener) {
			l.Owners = slices.Clone(l.Owners)
			ev := *l.Owners[0].Evidence
			l.Owners[0].Evidence = &ev
			forget[name](&l.Owners[0])
		}), p, &Past{})
		for k := range after {
			if kills(&after[k]) && !kills(&before[k]) && (k == i || !heldForAnother(s, p, k)) {
				t.Errorf("listener %d: %+v became an act when %s became unknown", k, before[k].Decision, name)
			}
		}
	})
}

// TestMissingHookNeverActs: if a kernel lacks a hook, so that its counter is unknown for every
// listener, no hold turns into an act, nor one act into another.
func TestMissingHookNeverActs(t *testing.T) {
	unknown := listener.CountOf(listener.Maybe[uint64]{})
	hooks := map[string]func(*listener.Listener){
		"SYNs":       func(l *listener.Listener) { l.SYNs, l.SYNsFull = unknown, unknown },
		"selections": func(l *listener.Listener) { l.Selected, l.Share = unknown, listener.Rare[float64]{} },
		"adoptions":  func(l *listener.Listener) { l.Adopted = unknown },
		"queued": func(l *listener.Listener) {
			l.Queued, l.Accepted, l.CountedSince = unknown, unknown, listener.Rare[time.Time]{}
		},
		"births": func(l *listener.Listener) {
			l.ListenedAt, l.BornSinceBoot = listener.Rare[time.Time]{}, listener.Rare[time.Duration]{}
		},
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
				if hook == "births" && (young(&before[k]) || heldForAnother(s, p, k)) {
					continue
				}
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
			same := b.Verdict == after.Verdict && b.Cause == after.Cause && b.Culprit == after.Culprit
			if !same || kills(&b) != kills(&after) ||
				b.Decision != nil && !slices.Equal(b.Decision.Reasons, after.Decision.Reasons) {
				t.Errorf("%+v became %+v", b, after)
			}
		}
	})
}
