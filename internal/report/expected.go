package report

import (
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Unexpected is the first listener whose group has another number of generations than
// expected, or that began too early; nil for none.
func (c *Check) Unexpected() *listener.Judgement {
	if j := c.miscounted(); j != nil {
		return j
	}
	return c.older()
}

// miscounted is the first whose group has another number of generations than expected.
func (c *Check) miscounted() *listener.Judgement {
	for i := range c.Listeners {
		if n, known := c.Listeners[i].Generations.Get(); !known || n != c.Expected {
			return &c.Listeners[i]
		}
	}
	return nil
}

// older is the first of which it is not known that who accepts began late enough.
func (c *Check) older() *listener.Judgement {
	if c.NewerThan.IsZero() {
		return nil
	}
	for i := range c.Listeners {
		if after, _ := c.Listeners[i].BegunAfter(c.NewerThan); !after {
			return &c.Listeners[i]
		}
	}
	return nil
}

// generationsLine says it of generations.
func (c *Check) generationsLine() string {
	switch {
	case len(c.Listeners) == 0:
		return "NOTHING: no listener is what the filters ask for"
	case c.AsExpected:
		return fmt.Sprintf("OK: %s, %s each%s", text.Plural(len(c.Listeners), "listener"), text.Plural(c.Expected, "generation"), c.andNewer())
	}
	if j := c.miscounted(); j != nil {
		return c.miscountedLine(j)
	}
	if j := c.older(); j != nil {
		return olderLine(j, c.NewerThan)
	}
	return fmt.Sprintf("UNSETTLED: %s%s, but for too short a time", text.Plural(c.Expected, "generation"), c.andNewer())
}

func (c *Check) andNewer() string {
	if c.NewerThan.IsZero() {
		return ""
	}
	return ", begun after " + text.Stamp(c.NewerThan)
}

func (c *Check) miscountedLine(j *listener.Judgement) string {
	s := fmt.Sprintf("GENERATIONS: %s has an unknown number of generations", j.Local)
	if n, known := j.Generations.Get(); known {
		s = fmt.Sprintf("GENERATIONS: %s has %s, not %d", j.Local, text.Plural(n, "generation"), c.Expected)
	}
	for i := range c.Listeners {
		if other := &c.Listeners[i]; other.Superseded != nil {
			return s + ". " + sentence.Superseded(other)
		}
	}
	return s
}

// olderLine names who was there before the moment, and since when.
func olderLine(j *listener.Judgement, than time.Time) string {
	_, by := j.BegunAfter(than)
	switch {
	case len(j.Owners) == 0:
		return fmt.Sprintf("OLDER: nobody is known to hold %s, so it is not known whether that began after %s", j.Local, text.Stamp(than))
	case by == nil:
		return fmt.Sprintf("OLDER: %s is held by processes from before and after %s, and none of them was seen to wait for clients: pid %s",
			j.Local, text.Stamp(than), pids(j))
	}
	since, how := by.Started, "has run"
	if at, seen := j.ListenedAt.Get(); seen && !at.Before(since) {
		since, how = at, "has listened"
	}
	when := "since nobody knows when"
	if !since.IsZero() {
		when = "since " + text.Stamp(since)
	}
	return fmt.Sprintf("OLDER: %s is still that of %s pid %d, which %s %s: nothing has replaced it after %s",
		j.Local, text.Dash(text.Printable(by.Comm)), by.PID, how, when, text.Stamp(than))
}
