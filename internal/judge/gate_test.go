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
}

func (s *scene) owner() *listener.Owner { return &s.deaf.Owners[0] }

// TestGate: each case breaks one thing, and the gate must hold for it. Remove a
// condition from the gate and its case fails.
func TestGate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason // nil: it is acted on
	}{
		"the incident":  {func(*scene) {}, nil},
		"not armed":     {func(s *scene) { s.policy.Action = listener.Observe }, []listener.Reason{listener.NotArmed}},
		"another port":  {func(s *scene) { s.policy.Scope.Ports = []uint16{81} }, []listener.Reason{listener.OutOfScope}},
		"in scope":      {func(s *scene) { s.policy.Scope.Ports = []uint16{81, 80} }, nil},
		"a protected":   {func(s *scene) { s.owner().Comm = "sshd" }, []listener.Reason{listener.Protected}},
		"an ancestor":   {func(s *scene) { s.owner().PID = 4000 }, []listener.Reason{listener.Self}},
		"init":          {func(s *scene) { s.owner().PID = 1 }, []listener.Reason{listener.Self}},
		"a kernel's":    {func(s *scene) { s.owner().Kernel = true }, []listener.Reason{listener.Self}},
		"two holders":   {func(s *scene) { s.deaf.Owners = append(s.deaf.Owners, owner(5000)) }, []listener.Reason{listener.AmbiguousHolders}},
		"traced":        {func(s *scene) { s.owner().Tracer = 99 }, []listener.Reason{listener.Traced}},
		"still running": {func(s *scene) { s.owner().State = "R" }, []listener.Reason{listener.NotJudged}},
		"in D state":    {func(s *scene) { s.owner().State = "D" }, nil},
		"progress":      {func(s *scene) { s.owner().Progress = listener.Known(true) }, []listener.Reason{listener.NotJudged}},
		"progress not measured yet": {func(s *scene) { s.owner().Progress = listener.Maybe[bool]{} },
			[]listener.Reason{listener.NotJudged}},
		"frozen by cgroup v1": {func(s *scene) { s.owner().Wchan = "__refrigerator" }, []listener.Reason{listener.NotJudged}},
		"frozen by cgroup v2": {func(s *scene) { s.owner().Wchan = "do_freezer_trap" }, []listener.Reason{listener.NotJudged}},
		"init of a container": {func(s *scene) { s.owner().NSPID = 1 }, []listener.Reason{listener.NotJudged}},
		"accepts on another port": {func(s *scene) { s.owner().AcceptedElsewhere = listener.Known(true) },
			[]listener.Reason{listener.NotJudged}},
		"other ports unknown": {func(s *scene) { s.owner().AcceptedElsewhere = listener.Maybe[bool]{} },
			[]listener.Reason{listener.NotJudged}},
		"somebody waited once": {func(s *scene) { s.deaf.Window.Waited = true }, []listener.Reason{listener.NotJudged}},
		"a look without waiters": {func(s *scene) { s.deaf.Window.Unwalked = 1 },
			[]listener.Reason{listener.NotJudged}},
		"it holds a connection": {func(s *scene) { s.owner().Connections = listener.Known(1) },
			[]listener.Reason{listener.NotJudged}},
		"its connections are unknown": {func(s *scene) { s.owner().Connections = listener.Maybe[int]{} },
			[]listener.Reason{listener.NotJudged}},
		"accepted once": {func(s *scene) { s.deaf.LastAccept = listener.Known(instant().Add(-time.Hour)) },
			[]listener.Reason{listener.NotJudged}},
		"no census yet": {func(s *scene) { s.deaf.OwnersKnown = false }, []listener.Reason{listener.NotJudged}},
		"another program in the group": {func(s *scene) { s.alive.Owners[0].Exe = "/usr/sbin/nginx" },
			[]listener.Reason{listener.NotJudged}},
		"a sibling nobody is known to hold": {func(s *scene) { s.alive.Owners = nil },
			[]listener.Reason{listener.NotJudged, listener.LastAcceptingMember}},
		"its own file was replaced by an upgrade": {func(s *scene) { s.owner().Exe += " (deleted)" }, nil},
		"the sibling is of another user":          {func(s *scene) { s.alive.Owners[0].UID = 104 }, nil},
		"the sibling accepted before the window": {func(s *scene) {
			s.alive.LastAccept = listener.Known(s.deaf.Window.Since.Add(-1))
		}, []listener.Reason{listener.NoSiblingAccepted, listener.LastAcceptingMember}},
		"alone": {func(s *scene) { s.alive.Group++ },
			[]listener.Reason{listener.NoSiblingAccepted, listener.LastAcceptingMember}},
		"too soon": {func(s *scene) { s.deaf.Window.Observed = 8*time.Second - 1 }, []listener.Reason{listener.TooSoon}},
		"the only accepting sibling is of the same process": {func(s *scene) {
			s.alive.Owners[0] = *s.owner()
		}, []listener.Reason{listener.LastAcceptingMember}},
		"a third one goes on accepting": {func(s *scene) {
			s.alive.Owners[0] = *s.owner()
			s.others = append(s.others, alive())
			s.others[0].Key, s.others[0].Cookie = 3, 3
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			checkGate(t, c.change, c.want)
		})
	}
}

func checkGate(t *testing.T, change func(*scene), want []listener.Reason) {
	t.Helper()
	s := &scene{deaf: deaf(), alive: alive(), policy: testPolicy()}
	change(s)
	j := judgeFirst(t, snapshot(append([]*listener.Listener{s.deaf, s.alive}, s.others...)...), s.policy)
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
		s := &scene{deaf: deaf(), alive: alive(), policy: testPolicy()}
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
			s.policy.StartupGrace = 30 * time.Second
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
		s.deaf.Window.Waited = true
		s.deaf.ListenedAt, s.deaf.CountedSince = listener.Known(born), listener.Known(born)
		s.deaf.Accepted = listener.Known(uint64(0))
	}
	held := []listener.Reason{listener.NotJudged}
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
