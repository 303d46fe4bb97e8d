package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// event is what the demo reads of a line of `reusewatch run -o json`. What is null there
// is 0 here.
type event struct {
	Time     time.Time
	Event    string
	Tier     string
	Listener struct {
		Queue      int
		OldestWait float64 `json:"oldest_wait_seconds"`
		Cause      listener.Cause
		Decision   struct{ Reasons []string }
		Owners     []struct {
			PID     int
			Comm    string
			Culprit bool
		}
	}

	// Of acting, acted and act_failed.
	Method  string
	PID     int
	Rescued int
	TookMS  int `json:"took_ms"`
	Error   string
}

// culprit is the owner that should accept and does not; while that is not said, the
// only owner. Its pid is 0 where nobody knows.
func (e *event) culprit() (pid int, comm string) {
	for _, o := range e.Listener.Owners {
		if o.Culprit || len(e.Listener.Owners) == 1 {
			return o.PID, o.Comm
		}
	}
	return 0, "one of several"
}

// story is what has come to pass so far.
type story struct {
	oldPID, newPID         int
	before, between, after counts // requests, by when they were begun

	// What reusewatch run has told.
	ready   bool
	stuck   bool  // it called the old server's listener stuck
	acting  []int // pids that it set out to end
	acted   bool
	failure string // of its act

	oldEnd string // how the old server ended
}

// take takes an event of reusewatch run into the story, and puts it in plain words; ""
// if it adds nothing.
func (s *story) take(e *event) string {
	l := &e.Listener
	pid, comm := e.culprit()
	who := fmt.Sprintf("pid %d (%s)", pid, comm)
	waiting := fmt.Sprintf("%d connections wait for its accept(), the oldest for %.1f s", l.Queue, l.OldestWait)
	switch e.Event {
	case "ready":
		s.ready = true
		return fmt.Sprintf("watching the accept queues in the kernel (tier: %s)", e.Tier)
	case "suspect":
		return who + ": " + waiting
	case "stuck":
		s.stuck = s.stuck || pid == s.oldPID
		return fmt.Sprintf("%s accepts nobody: for %s the same client has stood at the head of its queue. Cause: %s, %s. %s",
			who, StuckAfter, l.Cause, l.Cause.Row().Means, waiting)
	case "held":
		if why := strings.Join(l.Decision.Reasons, ", "); why != "too-soon" {
			return "does nothing: " + why
		}
		return fmt.Sprintf("too soon to act: the same must last for %s (--act-after)", actAfter)
	case "acting":
		s.acting = append(s.acting, e.PID)
		return fmt.Sprintf("the same client still waits, a sibling accepts, the process does nothing: %s to pid %d, and to no other",
			strings.ToUpper(e.Method), e.PID)
	case "acted":
		s.acted = true
		return fmt.Sprintf("pid %d is gone after %d ms, and its listener has left the group; %d waiting clients moved to its sibling",
			e.PID, e.TookMS, e.Rescued)
	case "act_failed":
		s.failure = e.Error
		return fmt.Sprintf("pid %d: %s", e.PID, e.Error)
	default:
		return ""
	}
}

// check says what did not come true.
func (s *story) check() error {
	var flaws []string
	wanted := func(ok bool, format string, args ...any) {
		if !ok {
			flaws = append(flaws, fmt.Sprintf(format, args...))
		}
	}
	before, after := &s.before, &s.after
	wanted(before.became[hung] > 0 && before.became[answered] > 0,
		"before the act %d requests were answered and %d hung: both were to be seen", before.became[answered], before.became[hung])
	wanted(s.failure == "", "the act failed: %s", s.failure)
	wanted(s.stuck, "reusewatch did not call pid %d stuck", s.oldPID)
	wanted(len(s.acting) == 1 && s.acting[0] == s.oldPID, "reusewatch was to end pid %d alone, and set out to end %v", s.oldPID, s.acting)
	wanted(s.acted, "reusewatch did not prove its act")
	wanted(strings.Contains(s.oldEnd, "the worker ended: signal: "), "the old server was not ended by a signal")
	wanted(after.begun() > 0 && after.by[s.newPID] == after.begun(),
		"after the act pid %d was to answer all of %d requests: it answered %d, %d hung, %d were reset, %d failed %s",
		s.newPID, after.begun(), after.by[s.newPID], after.became[hung], after.became[reset], after.became[failed], after.detail)
	if len(flaws) == 0 {
		return nil
	}
	return fmt.Errorf("the demo did not come true: %s", strings.TrimSpace(strings.Join(flaws, "; ")))
}
