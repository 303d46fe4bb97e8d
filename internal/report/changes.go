package report

import (
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Changes turns judged snapshots into events: each once, when it becomes true.
type Changes struct {
	scope listener.Filter
	told  map[listener.Cookie]*told
	due   time.Time // when something that was kept back is to be told; zero: nothing was
}

// reasonEvery is how often a change of the first reason is told of one listener: where
// two of them take turns, every look has one.
const reasonEvery = time.Minute

// told is what was last said of a listener.
type told struct {
	judgement listener.Judgement
	suspectOf time.Time // the window that was called suspect
	stuck     bool
	act       listener.Action
	reason    listener.Reason
	changed   time.Time // when a change of these was told last; zero: none yet
	due       time.Time // when one that was kept back is to be told; zero: none was
	found     string    // findings
}

// NewChanges reports the listeners that the filter chooses.
func NewChanges(scope listener.Filter) *Changes {
	return &Changes{scope: scope, told: make(map[listener.Cookie]*told)}
}

// Began tells of a birth.
func (c *Changes) Began(at time.Time, j *listener.Judgement) []wire.Event {
	if !c.scope.Match(j.Listener) {
		return nil
	}
	return []wire.Event{{Time: at, Kind: wire.Listening, Listener: j}}
}

// Ended tells of a listener that stopped listening.
func (c *Changes) Ended(at time.Time, l *listener.Listener) []wire.Event {
	j := listener.Judgement{Listener: l}
	t := c.told[l.Cookie]
	if t != nil {
		j = t.judgement
	}
	delete(c.told, l.Cookie)
	if t == nil && !c.scope.Match(l) {
		return nil
	}
	return []wire.Event{{Time: at, Kind: wire.Closed, Listener: &j}}
}

// Due says that something was kept back that is to be told by now, though nothing has
// changed since: by an Update with the same judgements.
func (c *Changes) Due(at time.Time) bool { return !c.due.IsZero() && !at.Before(c.due) }

// Update tells what a newly judged snapshot changes.
func (c *Changes) Update(at time.Time, js []listener.Judgement) []wire.Event {
	var events []wire.Event
	c.due = time.Time{}
	spokesmen := make(map[listener.GroupKey]listener.Cookie)
	for i := range js {
		j := &js[i]
		t := c.told[j.Cookie]
		if t == nil {
			// One that is told of stays told of, should its owners change. Of most there is
			// nothing to tell.
			if quiet(j) || !c.scope.Match(j.Listener) {
				continue
			}
			t = &told{}
			c.told[j.Cookie] = t
		}
		t.judgement = *j
		if t.finds(j, spokesmen) {
			events = append(events, wire.Event{Time: at, Kind: wire.Found, Listener: j})
		}
		for _, kind := range t.advance(at, j) {
			events = append(events, wire.Event{Time: at, Kind: kind, Listener: j})
		}
		if !t.due.IsZero() && (c.due.IsZero() || t.due.Before(c.due)) {
			c.due = t.due
		}
	}
	return events
}

func quiet(j *listener.Judgement) bool {
	return j.Verdict != listener.Stuck && j.Verdict != listener.Suspect && j.Decision == nil && len(j.Findings()) == 0
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

func (t *told) advance(at time.Time, j *listener.Judgement) []wire.Kind {
	var kinds []wire.Kind
	t.due = time.Time{}
	switch {
	case j.Verdict == listener.Stuck:
		if !t.stuck {
			t.stuck = true
			kinds = append(kinds, wire.Stuck)
		}
		kinds = append(kinds, t.decided(at, j.Decision)...)
	case t.stuck:
		*t = told{judgement: *j, found: t.found}
		kinds = append(kinds, wire.Recovered)
	case j.Decision != nil: // superseded, and to be acted on
		kinds = t.decided(at, j.Decision)
	case j.Verdict == listener.Suspect && !t.suspectOf.Equal(j.Window.Since):
		t.suspectOf = j.Window.Since
		kinds = append(kinds, wire.Suspect)
	}
	return kinds
}

// decided tells of a decision that holds, once for each change of its first reason. More
// than one change in a minute is kept back, and then the newest is told, if it is not as
// it was told before. Nothing delays that an act, or what would be one, is due.
func (t *told) decided(at time.Time, d *listener.Decision) []wire.Kind {
	if d.Act == t.act && d.Reason == t.reason {
		return nil
	}
	first, acts := t.act == "", t.act == listener.Hold && d.Act != listener.Hold
	if next := t.changed.Add(reasonEvery); !first && !acts && !t.changed.IsZero() && at.Before(next) {
		t.due = next
		return nil
	}
	t.act, t.reason = d.Act, d.Reason
	if !first {
		t.changed = at
	}
	if d.Act == listener.Kill || d.Act == listener.Close {
		return nil
	}
	return []wire.Kind{wire.Held}
}
