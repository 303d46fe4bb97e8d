package report

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Kind of an event.
type Kind string

// The events of a listener: [suspect] → stuck → held (per change of reason) →
// recovered or closed. An act adds acting → acted or act_failed.
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
)

// Event is one thing that happened.
type Event struct {
	Time     time.Time
	Kind     Kind
	Listener *listener.Judgement // nil for ready
	Tier     listener.Tier       // of ready
	Count    int                 // listeners, of ready
	Act      *Act                // of acting, acted and act_failed
}

// Act is what an event tells of an act.
type Act struct {
	ID        string
	Action    listener.Act
	PID       int
	Method    string
	Listeners []listener.Cookie
	Took      time.Duration // from the decision until the listener had left
	Rescue    string        // how its clients are taken along, or why not
	Rescued   listener.Maybe[int]
	Stale     listener.Maybe[int]
	Evidence  string // the file it is kept in
	Failure   string // of act_failed
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
	act       listener.Act
	reason    listener.Reason
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
		for _, kind := range t.advance(j) {
			events = append(events, Event{Time: at, Kind: kind, Listener: j})
		}
	}
	return events
}

func (t *told) advance(j *listener.Judgement) []Kind {
	var kinds []Kind
	switch {
	case j.Verdict == listener.Stuck:
		if !t.stuck {
			t.stuck = true
			kinds = append(kinds, Stuck)
		}
		if d := j.Decision; d.Act != t.act || d.Reason != t.reason {
			t.act, t.reason = d.Act, d.Reason
			if d.Act != listener.Kill && d.Act != listener.Close {
				kinds = append(kinds, Held)
			}
		}
	case t.stuck:
		*t = told{judgement: *j}
		kinds = append(kinds, Recovered)
	case j.Verdict == listener.Suspect && !t.suspectOf.Equal(j.Window.Since):
		t.suspectOf = j.Window.Since
		kinds = append(kinds, Suspect)
	}
	return kinds
}
