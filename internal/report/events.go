package report

import (
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Kind of an event.
type Kind string

// The events of a listener: [suspect] → stuck → held (per change of reason) →
// recovered or closed. An act adds acting → acted or act_failed. Beside them,
// finding: once for each change of what is found about one that may well accept.
const (
	Ready     Kind = "ready"
	Listening Kind = "listening"
	Suspect   Kind = "suspect"
	Stuck     Kind = "stuck"
	Held      Kind = "held"
	Recovered Kind = "recovered"
	Closed    Kind = "closed"
	Acting    Kind = "acting"
	Acted     Kind = "acted"
	ActFailed Kind = "act_failed"
	Found     Kind = "finding"
)

// Event is one thing that happened.
type Event struct {
	Time     time.Time
	Kind     Kind
	Listener *listener.Judgement // nil for ready
	Tier     listener.Tier       // of ready
	Count    int                 // listeners, of ready
	Act      *listener.Act       // of acting, acted and act_failed
}

// Changes turns judged snapshots into events: each once, when it becomes true.
type Changes struct {
	scope listener.Filter
	told  map[listener.Cookie]*told
}

// told is what was last said of a listener.
type told struct {
	judgement listener.Judgement
	suspectOf time.Time // the window that was called suspect
	stuck     bool
	act       listener.Action
	reason    listener.Reason
	found     string // findings
}

// NewChanges reports the listeners that the filter chooses.
func NewChanges(scope listener.Filter) *Changes {
	return &Changes{scope: scope, told: make(map[listener.Cookie]*told)}
}

// Began tells of a birth.
func (c *Changes) Began(at time.Time, j *listener.Judgement) []Event {
	if !c.scope.Match(j.Listener) {
		return nil
	}
	return []Event{{Time: at, Kind: Listening, Listener: j}}
}

// Ended tells of a listener that stopped listening.
func (c *Changes) Ended(at time.Time, l *listener.Listener) []Event {
	j := listener.Judgement{Listener: l}
	t := c.told[l.Cookie]
	if t != nil {
		j = t.judgement
	}
	delete(c.told, l.Cookie)
	if t == nil && !c.scope.Match(l) {
		return nil
	}
	return []Event{{Time: at, Kind: Closed, Listener: &j}}
}

// Update tells what a newly judged snapshot changes.
func (c *Changes) Update(at time.Time, js []listener.Judgement) []Event {
	var events []Event
	spokesmen := make(map[listener.GroupKey]listener.Cookie)
	for i := range js {
		j := &js[i]
		t := c.told[j.Cookie]
		if t == nil {
			// One that is told of stays told of, should its owners change.
			if !c.scope.Match(j.Listener) {
				continue
			}
			t = &told{}
			c.told[j.Cookie] = t
		}
		t.judgement = *j
		if t.finds(j, spokesmen) {
			events = append(events, Event{Time: at, Kind: Found, Listener: j})
		}
		for _, kind := range t.advance(j) {
			events = append(events, Event{Time: at, Kind: kind, Listener: j})
		}
	}
	return events
}

// finds says whether what is found about it is news. That a group is mixed is told
// of its first member alone.
func (t *told) finds(j *listener.Judgement, spokesmen map[listener.GroupKey]listener.Cookie) bool {
	now := Findings(j)
	if j.Mixed != nil {
		if first, some := spokesmen[j.Group]; some && first != j.Cookie {
			now = strings.TrimSuffix(strings.TrimSuffix(now, string(listener.FindingMixed)), ",")
		} else {
			spokesmen[j.Group] = j.Cookie
		}
	}
	was := t.found
	t.found = now
	return was != now
}

func (t *told) advance(j *listener.Judgement) []Kind {
	var kinds []Kind
	switch {
	case j.Verdict == listener.Stuck:
		if !t.stuck {
			t.stuck = true
			kinds = append(kinds, Stuck)
		}
		kinds = append(kinds, t.decided(j.Decision)...)
	case t.stuck:
		*t = told{judgement: *j, found: t.found}
		kinds = append(kinds, Recovered)
	case j.Decision != nil: // superseded, and to be acted on
		kinds = t.decided(j.Decision)
	case j.Verdict == listener.Suspect && !t.suspectOf.Equal(j.Window.Since):
		t.suspectOf = j.Window.Since
		kinds = append(kinds, Suspect)
	}
	return kinds
}

// decided tells of a decision that holds, once for each change of reason.
func (t *told) decided(d *listener.Decision) []Kind {
	if d.Act == t.act && d.Reason == t.reason {
		return nil
	}
	t.act, t.reason = d.Act, d.Reason
	if d.Act == listener.Kill || d.Act == listener.Close {
		return nil
	}
	return []Kind{Held}
}
