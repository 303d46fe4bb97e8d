package judge

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// scene is the incident: it is acted on unless a case changes it.
type scene struct {
	deaf, alive *listener.Listener
	others      []*listener.Listener
	policy      *Policy
	past        *Past
}

const ms = time.Millisecond

func ptr[T any](v T) *T { return &v }

func heldBy(reasons ...listener.Reason) []listener.Reason { return reasons }

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

// elsewhere gives the culprit another listener, which accepted.
func (s *scene) elsewhere(accepted time.Time) {
	l := member(9, deafPID)
	l.Group, l.LastAccept = 0, listener.Rarely(accepted)
	s.others = append(s.others, l)
}

// oneOf makes the sibling or another member accept, and nobody knows which.
func (s *scene) oneOf(at time.Time) {
	other := member(9, alivePID+1)
	s.others = append(s.others, other)
	for _, m := range []*listener.Listener{s.alive, other} {
		m.LastAccept, m.AcceptedAmong = listener.Rare[time.Time]{}, listener.Rarely(at)
	}
}

func (s *scene) live(change func(*listener.Life)) { live(s.owner(), change) }

// runs makes the culprit one that ran a moment ago.
func (s *scene) runs() { s.live(func(l *listener.Life) { l.Inert = listener.Known(time.Duration(0)) }) }

// ill makes more groups stuck, each so much earlier than the one before.
func (s *scene) ill(n int, apart time.Duration) {
	for i := range n {
		l := deaf()
		l.Key, l.Cookie = listener.Key(20+i), listener.Cookie(20+i)
		l.Group, l.GroupName = listener.GroupKey(20+i), string(rune('a'+i))
		l.Owners[0].PID += 20 + i
		l.OldestWait = listener.Rarely(2*time.Hour + time.Duration(i+1)*apart)
		s.others = append(s.others, l)
	}
}

// acted adds a past act on the group in a network namespace.
func (s *scene) acted(netns uint64, ago time.Duration) {
	s.past.Acts = append(s.past.Acts, listener.PastAct{At: instant().Add(-ago), Group: s.deaf.Counted(), Netns: netns})
}

// spent adds past acts on users other than root.
func (s *scene) spent(n int) {
	for i := range n {
		act := listener.PastAct{At: instant().Add(-59 * time.Minute), Group: string(rune('a' + i)), OfUser: true}
		s.past.Acts = append(s.past.Acts, act)
	}
}

// elsewhereLives puts the two into containers, the sibling in that pod.
func (s *scene) elsewhereLives(pod string) {
	s.owner().Container = &listener.Container{ID: "1e07", PodUID: "1"}
	s.alive.Owners[0].Container = &listener.Container{ID: "3f2a", PodUID: pod}
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
	if slices.Contains(want, listener.HostWide) == (len(j.Decision.Ill) < 3) {
		t.Errorf("%q are ill at once", j.Decision.Ill)
	}
	d.Ill = j.Decision.Ill
	if diff := cmp.Diff(d, j.Decision, butSiblings()); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

// butSiblings compares decisions without their siblings, which TestKin and the live tests of
// a rescue try.
func butSiblings() cmp.Option { return cmpopts.IgnoreFields(listener.Decision{}, "Siblings") }
