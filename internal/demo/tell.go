package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/text"
)

// tell puts an event in plain words; "" for one that adds nothing to the story.
func tell(e *event) string {
	if e.Event == "ready" {
		return fmt.Sprintf("watching the accept queues in the kernel (tier: %s)", e.Tier)
	}
	if e.Listener == nil {
		return ""
	}
	switch e.Event {
	case "suspect":
		return tellSuspect(e.Listener)
	case "stuck":
		return tellStuck(e.Listener)
	case "held":
		return tellHeld(e.Listener)
	case "acting":
		return fmt.Sprintf("the same client still waits, a sibling accepts, the process does nothing: %s to pid %d, and to no other",
			signalName(e.Method), e.PID)
	case "acted":
		return tellActed(e)
	case "act_failed":
		return fmt.Sprintf("pid %d: %s", e.PID, e.Error)
	case "recovered":
		return who(e.Listener) + " accepts again"
	default:
		return ""
	}
}

func tellSuspect(l *seen) string { return who(l) + ": " + waiting(l) }

func tellStuck(l *seen) string {
	s := fmt.Sprintf("%s accepts nobody: for %s the same client has stood at the head of its queue. Cause: %s", who(l), inSeconds(StuckAfter), l.Cause)
	if why := because(l.Cause); why != "" {
		s += ", " + why
	}
	return s + ". " + waiting(l)
}

func because(cause string) string {
	switch cause {
	case "never-polled":
		return "no thread of it waits for connections"
	case "not-polling":
		return "no thread of it sleeps where connections would wake it"
	case "blocked":
		return "it waits for something else than connections"
	default:
		return ""
	}
}

func tellHeld(l *seen) string {
	if l.Decision == nil {
		return ""
	}
	if reasons := l.Decision.Reasons; len(reasons) != 1 || reasons[0] != "too-soon" {
		return "does nothing: " + strings.Join(reasons, ", ")
	}
	return fmt.Sprintf("too soon to act: the same must last for %s (--act-after)", inSeconds(actAfter))
}

func tellActed(e *event) string {
	s := "pid " + fmt.Sprint(e.PID) + " is gone"
	if e.TookMS != nil {
		s += fmt.Sprintf(" after %d ms", *e.TookMS)
	}
	s += ", and its listener has left the group"
	if e.Rescued != nil && *e.Rescued > 0 {
		s += fmt.Sprintf("; %d waiting clients moved to its sibling", *e.Rescued)
	}
	return s
}

func who(l *seen) string {
	o, known := l.culprit()
	if !known {
		return text.Printable(l.Local)
	}
	return fmt.Sprintf("pid %d (%s)", o.PID, text.Printable(o.Comm))
}

func waiting(l *seen) string {
	s := fmt.Sprintf("%d connections wait for its accept()", l.Queue)
	if l.OldestWait != nil {
		s += fmt.Sprintf(", the oldest for %.1f s", *l.OldestWait)
	}
	return s
}

// inSeconds has the space that Duration's own form lacks.
func inSeconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }

// signalName is how a person knows the method of an act.
func signalName(method string) string { return strings.ToUpper(method) }
