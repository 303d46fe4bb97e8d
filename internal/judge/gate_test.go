package judge

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// scene is the incident, which is acted on unless a case changes it.
type scene struct {
	deaf, alive *listener.Listener
	others      []*listener.Listener
	policy      *Policy
	past        *Past
}

const ms = time.Millisecond

func ptr[T any](v T) *T { return &v }

func (s *scene) owner() *listener.Owner       { return &s.deaf.Owners[0] }
func (s *scene) evidence() *listener.Evidence { return s.owner().Evidence }

func (s *scene) used(u listener.Usage) {
	u.Over = 9 * time.Second
	s.evidence().Usage = listener.Known(u)
}

// allowServed lets it be acted on though it served, after long enough.
func (s *scene) allowServed() {
	s.policy.Default.AllowServed = true
	s.deaf.Window.Observed = 12 * time.Second
}

// elsewhere gives the culprit another listener, with connections.
func (s *scene) elsewhere(accepted time.Time, counted bool) {
	l := member(9, deafPID)
	l.Group, l.LastAccept = 0, listener.Known(accepted)
	if counted {
		l.CountedSince = listener.Known(s.deaf.Window.Since)
	}
	s.owner().AcceptedElsewhere = listener.Known(true)
	s.others = append(s.others, l)
}

// ill makes more groups stuck, each so much earlier than the one before.
func (s *scene) ill(n int, apart time.Duration) {
	for i := range n {
		l := deaf()
		l.Key, l.Cookie = listener.Key(20+i), listener.Cookie(20+i)
		l.Group, l.GroupName = listener.GroupKey(20+i), string(rune('a'+i))
		l.Owners[0].PID += 20 + i
		l.OldestWait = listener.Known(2*time.Hour + time.Duration(i+1)*apart)
		s.others = append(s.others, l)
	}
}

// acted lets an act on the group have been done in a network namespace.
func (s *scene) acted(netns uint64, ago time.Duration) {
	s.past.Acts = append(s.past.Acts, listener.PastAct{At: instant().Add(-ago), Group: s.deaf.Counted(), Netns: netns})
}

// TestGate: each case breaks one thing, and the gate must hold for it. Remove a
// condition from the gate and its case fails.
func TestGate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason // nil: it is acted on
	}{
		"the incident": {func(*scene) {}, nil},
		"not armed":    {func(s *scene) { s.policy.Default.Action = listener.Observe }, []listener.Reason{listener.NotArmed}},
		"another port": {func(s *scene) { s.policy.Scope.Ports = []uint16{81} }, []listener.Reason{listener.OutOfScope}},
		"in scope":     {func(s *scene) { s.policy.Scope.Ports = []uint16{81, 80} }, nil},
		"a protected":  {func(s *scene) { s.owner().Comm = "sshd" }, []listener.Reason{listener.Protected}},
		"an ancestor":  {func(s *scene) { s.owner().PID = 4000 }, []listener.Reason{listener.Self}},
		"init":         {func(s *scene) { s.owner().PID = 1 }, []listener.Reason{listener.Self}},
		"a kernel's":   {func(s *scene) { s.owner().Kernel = true }, []listener.Reason{listener.Self}},
		"two holders":  {func(s *scene) { s.deaf.Owners = append(s.deaf.Owners, owner(5000)) }, []listener.Reason{listener.AmbiguousHolders}},
		"traced":       {func(s *scene) { s.owner().Tracer = 99 }, []listener.Reason{listener.Traced}},
		"in D state":   {func(s *scene) { s.owner().State = "D" }, nil},
		"disarmed":     {func(s *scene) { s.past.Disarmed = true }, []listener.Reason{listener.Disarmed}},
		"a protecting rule": {func(s *scene) {
			s.policy.Rules = []Rule{{Match{Ports: []uint16{80}}, Override{Protect: ptr(true)}}}
		}, []listener.Reason{listener.Protected}},
		"frozen by a cgroup": {func(s *scene) { s.evidence().Frozen = listener.Known(true) }, []listener.Reason{listener.Frozen}},
		"frozen by cgroup v1, as its leader shows": {func(s *scene) { s.owner().Wchan = "__refrigerator" },
			[]listener.Reason{listener.Frozen}},
		"frozen by cgroup v2, as a thread shows": {func(s *scene) { s.evidence().Threads[0].Wchan = "do_freezer_trap" },
			[]listener.Reason{listener.Frozen}},
		"starved of CPU":  {func(s *scene) { s.used(listener.Usage{RunnableWait: 0.1}) }, []listener.Reason{listener.Starved}},
		"throttled":       {func(s *scene) { s.used(listener.Usage{Throttled: true}) }, []listener.Reason{listener.Starved}},
		"hardly waits":    {func(s *scene) { s.used(listener.Usage{RunnableWait: 0.09}) }, nil},
		"major faults":    {func(s *scene) { s.used(listener.Usage{MajorFaults: 1}) }, []listener.Reason{listener.Busy}},
		"I/O":             {func(s *scene) { s.used(listener.Usage{IOBytes: 9}) }, []listener.Reason{listener.Busy}},
		"CPU with system": {func(s *scene) { s.used(listener.Usage{User: 80 * ms, System: 10 * ms}) }, []listener.Reason{listener.Busy}},
		"too little CPU":  {func(s *scene) { s.used(listener.Usage{User: 70 * ms, System: 10 * ms}) }, nil},
		"user time alone is no progress, but served": {func(s *scene) { s.used(listener.Usage{User: 9000 * ms}) },
			[]listener.Reason{listener.Served, listener.TooSoon}},
		"progress not measured yet": {func(s *scene) { s.evidence().Usage = listener.Maybe[listener.Usage]{} },
			[]listener.Reason{listener.Busy}},
		"no evidence": {func(s *scene) { s.owner().Evidence = nil },
			[]listener.Reason{listener.Busy, listener.Served, listener.TooSoon}},
		"at its limit": {func(s *scene) {
			s.owner().Connections = listener.Known(4)
			s.evidence().Threads[0].Wchan = "ep_poll"
			s.allowServed()
		}, []listener.Reason{listener.AtLimit}},
		"at its limit, for all that is known of its threads": {func(s *scene) {
			s.owner().Connections = listener.Known(4)
			s.evidence().Total = 2
			s.allowServed()
		}, []listener.Reason{listener.AtLimit}},
		"blocked in its loop, connections and all": {func(s *scene) {
			s.owner().Connections = listener.Known(4)
			s.allowServed()
		}, nil},
		"accepted on another port in the window": {func(s *scene) { s.elsewhere(instant().Add(-time.Second), true) },
			[]listener.Reason{listener.ServesElsewhere}},
		"accepted on another port long ago, and it is counted": {func(s *scene) { s.elsewhere(instant().Add(-time.Hour), true) }, nil},
		"another port that nobody counts": {func(s *scene) { s.elsewhere(instant().Add(-time.Hour), false) },
			[]listener.Reason{listener.ServesElsewhere}},
		"init of the container of its sibling": {func(s *scene) { s.owner().NSPID = 1 }, []listener.Reason{listener.ContainerInit}},
		"init of its own container": {func(s *scene) {
			s.owner().NSPID, s.owner().PIDNS = 1, listener.Known(uint32(5))
		}, nil},
		"init of some container": {func(s *scene) {
			s.owner().NSPID, s.owner().PIDNS = 1, listener.Maybe[uint32]{}
		}, []listener.Reason{listener.ContainerInit}},
		"served, and that is not allowed": {func(s *scene) { s.owner().Connections = listener.Known(1) },
			[]listener.Reason{listener.Served, listener.TooSoon}},
		"served, allowed, long enough": {func(s *scene) {
			s.owner().Connections = listener.Known(1)
			s.allowServed()
		}, nil},
		"served, allowed, too soon": {func(s *scene) {
			s.owner().Connections = listener.Known(1)
			s.allowServed()
			s.deaf.Window.Observed = 12*time.Second - 1
		}, []listener.Reason{listener.TooSoon}},
		"somebody waited once":   {func(s *scene) { s.deaf.Window.Waited = 1 }, []listener.Reason{listener.Served, listener.TooSoon}},
		"a look without waiters": {func(s *scene) { s.deaf.Window.Walked-- }, []listener.Reason{listener.Served, listener.TooSoon}},
		"its own epoll set has it, the walk missed it": {func(s *scene) { s.evidence().Registered = listener.Known(true) },
			[]listener.Reason{listener.Served, listener.TooSoon}},
		"its connections are unknown": {func(s *scene) { s.owner().Connections = listener.Maybe[int]{} },
			[]listener.Reason{listener.Served, listener.TooSoon}},
		"accepted once": {func(s *scene) { s.deaf.LastAccept = listener.Known(instant().Add(-time.Hour)) },
			[]listener.Reason{listener.Served, listener.TooSoon}},
		"no census yet": {func(s *scene) { s.deaf.OwnersKnown = false }, []listener.Reason{listener.Served, listener.TooSoon}},
		"another program in the group": {func(s *scene) { s.alive.Owners[0].Exe = "/usr/sbin/nginx" },
			[]listener.Reason{listener.MixedGroup}},
		"nobody could read what it runs, and a rule might protect it": {func(s *scene) { s.owner().Exe, s.alive.Owners[0].Exe = "", "" },
			[]listener.Reason{listener.MixedGroup}},
		"a program of the application chooses": {func(s *scene) { s.alive.Program = true }, []listener.Reason{listener.MixedGroup}},
		"a sibling nobody is known to hold": {func(s *scene) { s.alive.Owners = nil },
			[]listener.Reason{listener.MixedGroup, listener.LastAcceptingMember}},
		"its own file was replaced by an upgrade": {func(s *scene) { s.owner().Exe += " (deleted)" }, nil},
		"the sibling is of another user":          {func(s *scene) { s.alive.Owners[0].UID = 104 }, nil},
		"the sibling accepted before the window": {func(s *scene) {
			s.alive.LastAccept = listener.Known(s.deaf.Window.Since.Add(-1))
		}, []listener.Reason{listener.NoSiblingAccepted}},
		"alone": {func(s *scene) { s.alive.Group++ }, []listener.Reason{listener.NoSiblingAccepted}},
		"alone, and that is allowed": {func(s *scene) {
			s.alive.Group++
			s.policy.Default.AllowSole = true
		}, nil},
		"three groups at once":                        {func(s *scene) { s.ill(2, 0) }, []listener.Reason{listener.HostWide}},
		"two groups at once":                          {func(s *scene) { s.ill(1, 0) }, nil},
		"three groups, one after the other":           {func(s *scene) { s.ill(2, time.Minute) }, nil},
		"its group's budget is spent":                 {func(s *scene) { s.acted(0, 9*time.Minute) }, []listener.Reason{listener.Budget}},
		"its group's budget is free again":            {func(s *scene) { s.acted(0, 10*time.Minute) }, nil},
		"another network namespace of the same inode": {func(s *scene) { s.acted(7, time.Minute) }, nil},
		"the host's budget is spent": {func(s *scene) {
			for i := range 5 {
				s.past.Acts = append(s.past.Acts, listener.PastAct{At: instant().Add(-59 * time.Minute), Group: string(rune('a' + i))})
			}
		}, []listener.Reason{listener.Budget}},
		"too soon": {func(s *scene) { s.deaf.Window.Observed = 8*time.Second - 1 }, []listener.Reason{listener.TooSoon}},
		"the only accepting sibling is of the same process": {func(s *scene) {
			s.alive.Owners[0] = *s.owner()
		}, []listener.Reason{listener.ServesElsewhere, listener.LastAcceptingMember}},
		"a third one goes on accepting": {func(s *scene) {
			s.alive.Owners[0] = *s.owner()
			s.others = append(s.others, alive())
			s.others[0].Key, s.others[0].Cookie = 3, 3
		}, []listener.Reason{listener.ServesElsewhere}},
	} {
		t.Run(name, func(t *testing.T) {
			checkGate(t, c.change, c.want)
		})
	}
}

// TestGateAsksTheTable: each reason once and in the table's order, but for that of
// remedy's last look; and of a superseded listener those that it can answer.
func TestGateAsksTheTable(t *testing.T) {
	reasons := func(gate []condition) []listener.Reason {
		var all []listener.Reason
		for _, c := range gate {
			all = append(all, c.reason)
		}
		return all
	}
	want := listener.ReasonsThat(func(r listener.ReasonRow) bool { return r.Reason != listener.ChangedMeanwhile })
	if d := cmp.Diff(want, reasons(gate())); d != "" {
		t.Errorf("the gate (-table +gate):\n%s", d)
	}
	want = listener.ReasonsThat(func(r listener.ReasonRow) bool { return r.Reason != listener.ChangedMeanwhile && !r.StuckOnly })
	if d := cmp.Diff(want, reasons(supersededGate(nil))); d != "" {
		t.Errorf("the gate of what is superseded (-table +gate):\n%s", d)
	}
}

func newScene() *scene {
	return &scene{deaf: deaf(), alive: alive(), policy: testPolicy(), past: &Past{}}
}

func checkGate(t *testing.T, change func(*scene), want []listener.Reason) {
	t.Helper()
	s := newScene()
	change(s)
	j := Judge(snapshot(append([]*listener.Listener{s.deaf, s.alive}, s.others...)...), s.policy, s.past)[0]
	if j.Decision == nil {
		t.Fatalf("no decision, verdict %q", j.Verdict)
	}
	d := &listener.Decision{Act: listener.Kill, Reasons: want}
	if len(want) > 0 {
		d.Act, d.Reason = listener.Hold, want[0]
	}
	if len(want) == 1 && want[0] == listener.NotArmed {
		d.Act = listener.Observe
	}
	if diff := cmp.Diff(d, j.Decision); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

// TestHolds: cases where more than one thing is wrong at once, by the first reason.
func TestHolds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   listener.Reason
	}{
		"no owner":            {func(s *scene) { s.deaf.Owners = nil }, listener.Unowned},
		"stopped":             {func(s *scene) { s.owner().State = "T" }, listener.Stopped},
		"stopped by a tracer": {func(s *scene) { s.owner().State = "t" }, listener.Traced},
	} {
		s := newScene()
		c.change(s)
		j := judgeFirst(t, snapshot(s.deaf, s.alive), s.policy)
		if j.Decision.Act != listener.Hold || j.Decision.Reason != c.want {
			t.Errorf("%s: %+v, want %s first", name, j.Decision, c.want)
		}
	}
}

// young makes both members a minute old at the most, as seen by the daemon.
func young(s *scene, deafAge, aliveAge time.Duration) {
	s.deaf.FirstSeen, s.alive.FirstSeen = instant().Add(-deafAge), instant().Add(-aliveAge)
	s.deaf.OldestWait = listener.Known(9 * time.Second)
}

func TestStarting(t *testing.T) {
	starting := []listener.Reason{listener.Starting}
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"younger than its sibling":                         {func(s *scene) { young(s, 30*time.Second, time.Minute) }, starting},
		"overtaken by a younger sibling":                   {func(s *scene) { young(s, time.Minute, 30*time.Second) }, nil},
		"both were there before us, its process the older": {func(s *scene) { young(s, time.Minute, time.Minute) }, nil},
		"both were there before us, its process the younger": {func(s *scene) {
			young(s, time.Minute, time.Minute)
			s.owner().Start = alivePID + 1
		}, starting},
		"past the grace": {func(s *scene) {
			young(s, 30*time.Second, time.Minute)
			s.policy.Default.StartupGrace = 30 * time.Second
		}, nil},
		"its birth was seen, long ago": {func(s *scene) {
			young(s, 30*time.Second, time.Minute)
			s.deaf.ListenedAt = listener.Known(instant().Add(-time.Hour))
		}, nil},
		"its oldest client is older than the grace": {func(s *scene) {
			young(s, 30*time.Second, time.Minute)
			s.deaf.OldestWait = listener.Known(time.Hour)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) { checkGate(t, c.change, c.want) })
	}
}

// TestFreshByCount: armed in an epoll set but born under our eyes, counted from
// birth, and never seen to accept.
func TestFreshByCount(t *testing.T) {
	born := instant().Add(-time.Hour)
	counted := func(s *scene) {
		s.deaf.Window.Waited, s.deaf.Window.Armed = 9, 9
		s.deaf.ListenedAt, s.deaf.CountedSince = listener.Known(born), listener.Known(born)
		s.deaf.Accepted = listener.Known(uint64(0))
	}
	held := []listener.Reason{listener.Served, listener.TooSoon}
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"nothing accepted":    {func(*scene) {}, nil},
		"one accepted":        {func(s *scene) { s.deaf.Accepted = listener.Known(uint64(1)) }, held},
		"accepted is unknown": {func(s *scene) { s.deaf.Accepted = listener.Maybe[uint64]{} }, held},
		"birth was not seen":  {func(s *scene) { s.deaf.ListenedAt = listener.Maybe[time.Time]{} }, held},
		"counted too late":    {func(s *scene) { s.deaf.CountedSince = listener.Known(born.Add(1)) }, held},
		"holds a connection":  {func(s *scene) { s.owner().Connections = listener.Known(1) }, held},
		"was seen to accept":  {func(s *scene) { s.deaf.LastAccept = listener.Known(born) }, held},
	} {
		t.Run(name, func(t *testing.T) {
			checkGate(t, func(s *scene) { counted(s); c.change(s) }, c.want)
		})
	}
}
