package judge

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestClose: reasons about what only a kill would end do not hold a close. A listener that
// several processes hold is never closed.
func TestClose(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"the incident":      {func(*scene) {}, nil},
		"accepts elsewhere": {func(s *scene) { s.elsewhere(instant().Add(-9 * time.Second)) }, nil},
		"init of its own container": {func(s *scene) {
			s.owner().NSPID, s.owner().PIDNS = 1, listener.Known(uint32(5))
			s.alive.Owners[0].PIDNS = listener.Known(uint32(5))
		}, nil},
		"the only accepting sibling is of the same process": {func(s *scene) { s.alive.Owners[0] = *s.owner() }, nil},
		"two hold it, and the culprit is known": {func(s *scene) {
			shared(s)
			s.deaf.Acceptors = []listener.Acceptor{{PID: deafPID, Start: s.owner().Start}}
		}, heldBy(listener.AmbiguousHolders, listener.Served, listener.TooSoon)},
		"a debugger": {func(s *scene) { s.owner().Tracer = 99 }, heldBy(listener.Traced, listener.Served, listener.TooSoon)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.policy.Default.Action = listener.Close
			c.change(s)
			j := judgeFirst(t, snapshot(append([]*listener.Listener{s.deaf, s.alive}, s.others...)...), s.policy)
			want := &listener.Decision{Act: listener.Close, Reasons: c.want}
			if len(c.want) > 0 {
				want.Act, want.Reason = listener.Hold, c.want[0]
			}
			if diff := cmp.Diff(want, j.Decision, butSiblings()); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

// shared makes a master hold the listener beside its worker, the culprit.
func shared(s *scene) {
	master := owner(500)
	s.owner().PPID = master.PID
	s.owner().NeverExec, master.NeverExec = true, true
	s.deaf.Owners = append(s.deaf.Owners, master)
}

// TestWorker: of a master and its only worker, the one that was seen to wait is the culprit.
func TestWorker(t *testing.T) {
	ambiguous := []listener.Reason{listener.AmbiguousHolders, listener.Served, listener.TooSoon}
	waited := func(s *scene, all ...listener.Acceptor) { s.deaf.Acceptors = all }
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"nobody was seen to wait": {func(*scene) {}, heldBy(listener.AmbiguousHolders)},
		"the worker was": {func(s *scene) {
			waited(s, listener.Acceptor{PID: deafPID, Start: s.owner().Start})
		}, heldBy(listener.Served, listener.TooSoon)},
		"one of its pid was": {func(s *scene) { waited(s, listener.Acceptor{PID: deafPID, Start: 1}) }, ambiguous},
		"the master was": {func(s *scene) {
			waited(s, listener.Acceptor{PID: 500, Start: s.deaf.Owners[1].Start})
		}, ambiguous},
		"both were": {func(s *scene) {
			worker := listener.Acceptor{PID: deafPID, Start: s.owner().Start}
			waited(s, worker, listener.Acceptor{PID: 500, Start: s.deaf.Owners[1].Start})
		}, ambiguous},
		"there is a second worker": {func(s *scene) {
			waited(s, listener.Acceptor{PID: deafPID, Start: s.owner().Start})
			second := owner(501)
			second.PPID, second.NeverExec = 500, true
			s.deaf.Owners = append(s.deaf.Owners, second)
		}, ambiguous},
	} {
		t.Run(name, func(t *testing.T) {
			checkGate(t, func(s *scene) { shared(s); c.change(s) }, c.want)
		})
	}
}

// TestTogether: dead members of a group are one act. A member that is ripe waits for another
// one that only time holds back, and for no other.
func TestTogether(t *testing.T) {
	for name, c := range map[string]struct {
		second func(*listener.Listener)
		want   listener.Action
	}{
		"ripe too":           {func(*listener.Listener) {}, listener.Kill},
		"dead, but too soon": {func(l *listener.Listener) { l.Window.Observed = 6 * time.Second }, listener.Hold},
		"not stuck yet":      {func(l *listener.Listener) { l.Window.Observed = 2 * time.Second }, listener.Kill},
		"too soon and traced": {func(l *listener.Listener) {
			l.Window.Observed = 6 * time.Second
			l.Owners[0].Tracer = 9
		}, listener.Kill},
		"of another group": {func(l *listener.Listener) { l.Window.Observed = 6 * time.Second; l.Group++ }, listener.Kill},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			second := deaf()
			second.Key, second.Cookie = 30, 30
			second.Owners[0].PID++
			c.second(second)
			j := judgeFirst(t, snapshot(s.deaf, s.alive, second), s.policy)
			tooSoon := slices.Equal(j.Decision.Reasons, heldBy(listener.TooSoon))
			if j.Decision.Act != c.want || (c.want == listener.Hold) != tooSoon {
				t.Errorf("%+v, want %s", j.Decision, c.want)
			}
		})
	}
}

// TestForce: a person overrules soft reasons, and no others.
func TestForce(t *testing.T) {
	for _, c := range gate() {
		j := listener.Judgement{Decision: &listener.Decision{
			Act: listener.Hold, Reason: c.reason, Reasons: []listener.Reason{c.reason, listener.TooSoon},
		}}
		Force(&j, listener.Close)
		if forced := j.Decision.Act == listener.Close; forced != c.reason.Row().Soft {
			t.Errorf("%s: %s", c.reason, j.Decision.Act)
		}
	}
	for _, j := range []listener.Judgement{{}, {Decision: &listener.Decision{Act: listener.Kill}}} {
		before := j.Decision
		if Force(&j, listener.Close); j.Decision != before {
			t.Errorf("forced %+v", before)
		}
	}
}
