package demo

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

// story is what reusewatch run has told so far.
type story struct {
	culprit int
	ready   time.Time
	stuck   bool  // it called the culprit's listener stuck
	acting  []int // pids that it set out to end
	acted   bool
	last    string // what it told last, for a story that ends there
	failure string
}

func (s *story) take(e *event) {
	if told := tell(e); told != "" {
		s.last = e.Event + ": " + told
	}
	switch e.Event {
	case "ready":
		s.ready = e.Time
	case "stuck":
		if o, known := e.Listener.culprit(); known && o.PID == s.culprit {
			s.stuck = true
		}
	case "acting":
		s.acting = append(s.acting, e.PID)
	case "acted":
		s.acted = true
	case "act_failed":
		s.failure = e.Error
	}
}

// over says that nothing more is to come before the clients are counted again.
func (s *story) over() bool { return s.acted || s.failure != "" }

// scene is all that must be known at the end to tell whether the story came true.
type scene struct {
	story         *story
	before, after *counts
	endedBy       syscall.Signal // of the old server, 0 if no signal ended it
	newAlive      bool
	newPID        int
}

// flaws lists what did not come true.
func (s *scene) flaws() []string {
	var flaws []string
	missing := func(ok bool, format string, args ...any) {
		if !ok {
			flaws = append(flaws, fmt.Sprintf(format, args...))
		}
	}
	st := s.story
	missing(s.before.hung > 0 && s.before.answered > 0,
		"before the act %d requests were answered and %d hung: both were to be seen", s.before.answered, s.before.hung)
	missing(st.failure == "", "the act failed: %s", st.failure)
	missing(st.stuck, "reusewatch did not call pid %d stuck", st.culprit)
	missing(len(st.acting) == 1 && st.acting[0] == st.culprit, "reusewatch was to end pid %d alone, and set out to end %v", st.culprit, st.acting)
	missing(st.acted, "reusewatch did not prove its act")
	missing(s.endedBy == syscall.SIGTERM || s.endedBy == syscall.SIGKILL, "the old server was not ended by a signal")
	missing(s.newAlive, "the new server ended too")
	missing(s.after.begun > 0 && s.after.answered == s.after.begun && s.after.by[s.newPID] == s.after.begun,
		"after the act pid %d was to answer all of %d requests: %d were answered, %d hung, %d were reset, %d failed %s",
		s.newPID, s.after.begun, s.after.by[s.newPID], s.after.hung, s.after.reset, s.after.failed+s.after.open, s.after.first)
	return flaws
}

func (s *scene) check() error {
	if flaws := s.flaws(); len(flaws) > 0 {
		return fmt.Errorf("the demo did not come true: %s", strings.Join(flaws, "; "))
	}
	return nil
}
