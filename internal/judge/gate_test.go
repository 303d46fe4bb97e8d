package judge

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestGate: each case breaks one thing, and the gate must hold for it. Remove a
// condition from the gate and its case fails.
func TestGate(t *testing.T) {
	held := []listener.Reason{listener.Served, listener.TooSoon}
	strangers := []listener.Reason{listener.MixedGroup, listener.NoSiblingAccepted}
	first := func(reasons ...listener.Reason) []listener.Reason { return append(reasons, held...) }
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason // nil: it is acted on
	}{
		"the incident": {func(*scene) {}, nil},
		"not armed":    {func(s *scene) { s.policy.Default.Action = listener.Observe }, heldBy(listener.NotArmed)},
		"another port": {func(s *scene) { s.policy.Scope.Ports = []uint16{81} }, heldBy(listener.OutOfScope)},
		"in scope":     {func(s *scene) { s.policy.Scope.Ports = []uint16{81, 80} }, nil},
		"a protected":  {func(s *scene) { s.owner().Comm = "sshd" }, heldBy(listener.Protected)},
		"an ancestor":  {func(s *scene) { s.owner().PID = 4000 }, heldBy(listener.Self)},
		"init":         {func(s *scene) { s.owner().PID = 1 }, heldBy(listener.Self)},
		"a kernel's":   {func(s *scene) { s.owner().Kernel = true }, heldBy(listener.Self)},
		"two holders":  {func(s *scene) { shared(s) }, heldBy(listener.AmbiguousHolders)},
		"traced":       {func(s *scene) { s.owner().Tracer = 99 }, first(listener.Traced)},
		"in D state":   {func(s *scene) { s.owner().State = "D" }, nil},
		"disarmed":     {func(s *scene) { s.past.Disarmed = true }, heldBy(listener.Disarmed)},
		"a protecting rule": {func(s *scene) {
			s.policy.Rules = []Rule{{Match{Ports: []uint16{80}}, Override{Protect: ptr(true)}}}
		}, heldBy(listener.Protected)},
		"frozen by a cgroup": {func(s *scene) { s.evidence().Frozen = listener.Known(true) }, first(listener.Frozen)},
		"frozen by cgroup v1, as its leader shows": {func(s *scene) { s.owner().Wchan = "__refrigerator" },
			first(listener.Frozen)},
		"frozen by cgroup v2, as a thread shows": {func(s *scene) { s.evidence().Threads[0].Wchan = "do_freezer_trap" },
			first(listener.Frozen)},
		"starved of CPU": {func(s *scene) {
			s.used(listener.Usage{RunnableWait: 0.1})
		}, heldBy(listener.Starved)},
		"throttled":                  {func(s *scene) { s.used(listener.Usage{Throttled: true}) }, heldBy(listener.Starved)},
		"hardly waits":               {func(s *scene) { s.used(listener.Usage{RunnableWait: 0.09}) }, nil},
		"got 2.9 s of 4, and waited": {func(s *scene) { s.used(listener.Usage{User: 2900 * ms, RunnableWait: 0.2}) }, nil},
		"user time alone is no progress, but served": {func(s *scene) { s.used(listener.Usage{User: 9000 * ms}) }, held},
		"no evidence": {func(s *scene) { s.owner().Evidence = nil }, append([]listener.Reason{
			listener.Frozen, listener.Busy, listener.AtLimit, listener.Waits, listener.ServesElsewhere,
		}, held...)},
		"init of the container of its sibling": {func(s *scene) { s.owner().NSPID = 1 }, heldBy(listener.ContainerInit)},
		"init of its own container": {func(s *scene) {
			s.owner().NSPID, s.owner().PIDNS = 1, listener.Known(uint32(5))
		}, strangers},
		"init of its own container, whose siblings may live anywhere": {func(s *scene) {
			s.owner().NSPID, s.owner().PIDNS = 1, listener.Known(uint32(5))
			s.policy.Default.Siblings = listener.Anywhere
		}, nil},
		"init of some container": {func(s *scene) {
			s.owner().NSPID, s.owner().PIDNS = 1, listener.Maybe[uint32]{}
		}, append([]listener.Reason{listener.ContainerInit}, strangers...)},
		"served, and that is not allowed": {func(s *scene) { s.owner().Connections = listener.Known(1) }, held},
		"served, allowed, long enough": {func(s *scene) {
			s.owner().Connections = listener.Known(1)
			s.allowServed()
		}, nil},
		"served, allowed, too soon": {func(s *scene) {
			s.owner().Connections = listener.Known(1)
			s.allowServed()
			s.deaf.Window.Observed = 12*time.Second - 1
		}, heldBy(listener.TooSoon)},
		"another program in the group": {func(s *scene) { s.alive.Owners[0].Exe = "/usr/sbin/nginx" },
			first(append([]listener.Reason{listener.Inherited}, strangers...)...)},
		"another, which is said to be the same": {func(s *scene) {
			s.alive.Owners[0].Exe = "/usr/sbin/haproxy.old"
			s.policy.Default.SameProgram = []string{"/usr/sbin/haproxy", "/usr/sbin/haproxy.old"}
		}, nil},
		"nobody could read what it runs, and a rule might protect it": {func(s *scene) {
			s.owner().Exe, s.alive.Owners[0].Exe = "", ""
		}, first(append([]listener.Reason{listener.Inherited}, strangers...)...)},
		"a program of the same name elsewhere": {func(s *scene) { s.alive.Owners[0].Exe = "/opt/haproxy/haproxy" },
			first(append([]listener.Reason{listener.Inherited}, strangers...)...)},
		"the same program in another container": {func(s *scene) { s.elsewhereLives("1") }, strangers},
		"the same in another container of the pod, which is enough": {func(s *scene) {
			s.elsewhereLives("1")
			s.policy.Default.Siblings = listener.WithinPod
		}, nil},
		"the same in a pod of another, where the same pod is enough": {func(s *scene) {
			s.elsewhereLives("2")
			s.policy.Default.Siblings = listener.WithinPod
		}, strangers},
		"the same program of a guest": {func(s *scene) { s.alive.Owners[0].Guest = listener.Known[uint32](0) }, strangers},
		"a stranger beside siblings that accept": {func(s *scene) {
			s.others = append(s.others, alive())
			s.others[0].Key, s.others[0].Cookie, s.others[0].Owners[0].PIDNS = 3, 3, listener.Known(uint32(7))
		}, nil},
		"a stranger that is stuck too soon": {func(s *scene) {
			s.others = append(s.others, deaf())
			s.others[0].Key, s.others[0].Cookie, s.others[0].Owners[0].PIDNS = 3, 3, listener.Known(uint32(7))
			s.others[0].Owners[0].PID, s.others[0].Window.Observed = 77, 6*time.Second
			s.others = append(s.others, alive()) // a sibling of it
			s.others[1].Key, s.others[1].Cookie, s.others[1].Owners[0].PIDNS = 4, 4, listener.Known(uint32(7))
		}, nil},
		"a program of the application chooses": {func(s *scene) { s.alive.Program = true }, heldBy(listener.MixedGroup)},
		"a sibling nobody is known to hold": {func(s *scene) { s.alive.Owners = nil },
			first(append([]listener.Reason{listener.Inherited}, strangers...)...)},
		"its own file was replaced by an upgrade": {func(s *scene) { s.owner().Exe += " (deleted)" }, nil},
		"the sibling is of another user":          {func(s *scene) { s.alive.Owners[0].UID = 104 }, nil},
		"the sibling accepted before the window": {func(s *scene) {
			s.alive.LastAccept = listener.Rarely(s.deaf.Window.Since.Add(-1))
		}, heldBy(listener.NoSiblingAccepted)},
		"one of two siblings accepted": {func(s *scene) { s.oneOf(s.deaf.Window.Since) }, nil},
		"one of two did before the window": {func(s *scene) { s.oneOf(s.deaf.Window.Since.Add(-1)) },
			[]listener.Reason{listener.NoSiblingAccepted}},
		"one of two did, and one of them stands still by now": {func(s *scene) {
			s.oneOf(s.deaf.Window.Since)
			s.others[0].Window.Samples = enough
		}, heldBy(listener.NoSiblingAccepted)},
		"one of two did, and one of them would end": {func(s *scene) {
			s.oneOf(s.deaf.Window.Since)
			s.others[0].Owners[0] = *s.owner()
		}, heldBy(listener.LastAcceptingMember)},
		"the sibling accepted in the window, and is stuck itself by now": {func(s *scene) {
			l := deaf()
			l.Key, l.Cookie, l.Owners = s.alive.Key, s.alive.Cookie, s.alive.Owners
			l.Window.Observed, l.LastAccept = 6*time.Second, listener.Rarely(s.deaf.Window.Since.Add(time.Second))
			*s.alive = *l
		}, heldBy(listener.NoSiblingAccepted)},
		"alone": {func(s *scene) { s.alive.Group++ }, []listener.Reason{
			listener.Inherited, listener.NoSiblingAccepted, listener.Served, listener.TooSoon,
		}},
		"alone, and that is allowed, but who listened is not known": {func(s *scene) {
			s.alive.Group++
			s.policy.Default.AllowSole = true
		}, first(listener.Inherited)},
		"alone, and that is allowed": {func(s *scene) {
			s.alive.Group++
			s.policy.Default.AllowSole = true
			s.deaf.ListenedAt = listener.Rarely(instant().Add(-time.Hour))
			s.deaf.Caller = listener.Rarely(listener.Caller{PID: deafPID})
		}, nil},
		"three groups at once": {func(s *scene) { s.ill(2, 0) }, heldBy(listener.HostWide)},
		"three groups at once, one out of scope": {func(s *scene) {
			s.ill(2, 0)
			s.policy.Scope.Ports, s.others[1].Local = []uint16{80}, netip.MustParseAddrPort("10.39.1.68:81")
		}, nil},
		"two groups at once":                {func(s *scene) { s.ill(1, 0) }, nil},
		"three groups, one after the other": {func(s *scene) { s.ill(2, time.Minute) }, nil},
		"its group's budget is spent": {func(s *scene) {
			s.acted(0, 9*time.Minute)
		}, heldBy(listener.Budget)},
		"its group's budget is free again":            {func(s *scene) { s.acted(0, 10*time.Minute) }, nil},
		"another network namespace of the same inode": {func(s *scene) { s.acted(7, time.Minute) }, nil},
		"the host's budget is spent": {func(s *scene) {
			for i := range 5 {
				act := listener.PastAct{At: instant().Add(-59 * time.Minute), Group: string(rune('a' + i))}
				s.past.Acts = append(s.past.Acts, act)
			}
		}, heldBy(listener.Budget)},
		"three groups at once, two of one user's guests": {func(s *scene) {
			s.ill(2, 0)
			for _, l := range s.others {
				l.Owners[0].Guest = listener.Known[uint32](1000)
			}
		}, nil},
		"three groups at once, two of guests of two users": {func(s *scene) {
			s.ill(2, 0)
			for i, l := range s.others {
				l.Owners[0].Guest = listener.Known(uint32(1000 + i))
			}
		}, heldBy(listener.HostWide)},
		"which acts were begun is lost": {func(s *scene) {
			s.past.Lost = true
		}, heldBy(listener.Budget)},
		"users have used up what is theirs, and it is root's": {func(s *scene) { s.spent(2) }, nil},
		"users have used up what is theirs, and it is a user's": {func(s *scene) {
			s.spent(2)
			s.owner().UID = 99
		}, heldBy(listener.Budget)},
		"users have not, and it is a user's": {func(s *scene) { s.spent(1); s.owner().UID = 99 }, nil},
		"users have, and it is root's in a namespace of theirs": {func(s *scene) {
			s.spent(2)
			for _, l := range []*listener.Listener{s.deaf, s.alive} {
				l.Owners[0].Guest = listener.Known[uint32](99)
			}
		}, heldBy(listener.Budget)},
		"too soon": {func(s *scene) { s.deaf.Window.Observed = 8*time.Second - 1 }, heldBy(listener.TooSoon)},
		"the only accepting sibling is of the same process": {func(s *scene) {
			s.alive.Owners[0] = *s.owner()
			s.runs()
		}, heldBy(listener.ServesElsewhere, listener.Served, listener.TooSoon, listener.LastAcceptingMember)},
		"a third one goes on accepting": {func(s *scene) {
			s.alive.Owners[0] = *s.owner()
			s.runs()
			s.others = append(s.others, alive())
			s.others[0].Key, s.others[0].Cookie = 3, 3
		}, first(listener.ServesElsewhere)},
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
	want = listener.ReasonsThat(func(r listener.ReasonRow) bool {
		return r.Reason != listener.ChangedMeanwhile && !r.StuckOnly
	})
	if d := cmp.Diff(want, reasons(supersededGate(nil))); d != "" {
		t.Errorf("the gate of what is superseded (-table +gate):\n%s", d)
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
