package havoc

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// await waits until what is at a dead end has been ended, or may be left where it is.
func (s *scene) await() string {
	s.t.Helper()
	over := func() bool { return s.stuck.Ended() || s.recovered() }
	if s.plan.one && s.kills > 0 && s.spent() && !livetest.Within(over) {
		// It was counted, and perhaps begun, when the agent was killed: nobody can know that
		// it was not, so that the next waits until the budget allows another.
		s.heldByBudget("the one that was counted", s.stuck)
		return "left to the budget"
	}
	word := s.agent.AwaitEnd("the stuck one", s.stuck.PID(), over)
	if s.recovered() {
		s.agent.Looks(8) // what was under way goes on, or does not
		return "recovered"
	}
	return word
}

// recovered: the stuck one has accepted.
func (s *scene) recovered() bool { return slices.Contains(s.stuck.Said(), "accepted") }

// verdict says, once all agents have ended, what was done to whom.
func (s *scene) verdict() {
	s.t.Helper()
	if s.healthy.Ended() || !slices.Equal(livetest.Listening(s.healthy.PID(), armed.Port), s.sockets) {
		s.t.Errorf("WRONG ACT: the healthy one (pid %d) was touched", s.healthy.PID())
	}
	said := s.stuck.Said()
	if i := slices.Index(said, "accepted"); i >= 0 {
		signalled := slices.Contains(said[i:], "sigterm") || slices.Contains(said, "closed")
		if s.stuck.Ended() || signalled {
			s.t.Errorf("WRONG ACT: it recovered, and was not left alone: ended %t, it said %q", s.stuck.Ended(), said)
		}
	}
	for _, e := range s.agent.Of("acting", "acted", "act_failed", "closed") {
		if e.PID != s.stuck.PID() {
			s.t.Errorf("WRONG ACT: %s pid %d", e.Event, e.PID)
		}
	}
	s.acts()
	s.nothingLeft()
}

// tellAll tells what a failed scene's agents said and kept.
func (s *scene) tellAll() {
	if !s.t.Failed() || s.agent == nil {
		return
	}
	s.t.Logf("%s: the stuck one is pid %d, the healthy one %d\n%s",
		s.plan, s.stuck.PID(), s.healthy.PID(), s.agent.Complaints())
	for _, e := range s.agent.Of("ready", "stuck", "held", "acting", "closed", "acted", "act_failed", "recovered") {
		at := e.Time.Format("15:04:05.000")
		s.t.Logf("%s %s %d %v: %s %s", at, e.Event, e.PID, e.Listener.Owners, e.Listener.Why(), e.Error)
	}
	for _, l := range s.logged() {
		s.t.Logf("%+v", l)
	}
}
