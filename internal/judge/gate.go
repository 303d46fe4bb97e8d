package judge

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// facts is what the gate weighs.
type facts struct {
	now     time.Time
	l       *listener.Listener
	members []*listener.Listener // of its group, itself among them
	policy  *Policy
}

// condition holds an act back.
type condition struct {
	reason listener.Reason
	holds  func(*facts) bool
}

// gate lists every condition in its order. A wrong kill is worse than a missed
// one: what is not known holds.
func gate() []condition {
	return []condition{
		{listener.NotArmed, func(f *facts) bool { return f.policy.Action != listener.Kill }},
		{listener.OutOfScope, func(f *facts) bool { return !f.policy.Scope.Match(f.l) }},
		{listener.Protected, func(f *facts) bool { return f.ownedBy(f.protected) }},
		{listener.Self, func(f *facts) bool { return f.ownedBy(f.self) }},
		{listener.Unowned, func(f *facts) bool { return len(f.l.Owners) == 0 }},
		{listener.AmbiguousHolders, func(f *facts) bool { return len(f.l.Owners) > 1 }},
		{listener.Traced, func(f *facts) bool { return f.ownedBy(traced) }},
		{listener.Stopped, func(f *facts) bool { return f.ownedBy(stopped) }},
		{listener.NotJudged, (*facts).notJudged},
		{listener.NoSiblingAccepted, func(f *facts) bool { return len(f.accepting()) == 0 }},
		{listener.Starting, (*facts).starting},
		{listener.TooSoon, func(f *facts) bool { return f.l.Window.Observed < f.policy.ActAfter }},
		{listener.LastAcceptingMember, (*facts).takesLastAccepting},
	}
}

func decide(f *facts) *listener.Decision {
	d := &listener.Decision{Act: listener.Kill}
	for _, c := range gate() {
		if c.holds(f) {
			d.Reasons = append(d.Reasons, c.reason)
		}
	}
	if len(d.Reasons) == 0 {
		return d
	}
	d.Act, d.Reason = listener.Hold, d.Reasons[0]
	if len(d.Reasons) == 1 && d.Reason == listener.NotArmed {
		d.Act = listener.Observe
	}
	return d
}

func (f *facts) ownedBy(is func(*listener.Owner) bool) bool { return anyOwner(f.l, is) }

func (f *facts) protected(o *listener.Owner) bool { return slices.Contains(f.policy.Protect, o.Comm) }

func (f *facts) self(o *listener.Owner) bool {
	return o.PID == 1 || o.Kernel || slices.Contains(f.policy.Self, o.PID)
}

// notJudged holds whatever is beyond the one case that is safe to act on: a
// fresh listener whose only owner sleeps and does nothing, in a group of one program.
func (f *facts) notJudged() bool {
	return !f.fresh() || f.ownedBy(notQuiet) || f.mixed()
}

// fresh: accepted nothing since a listen() that we saw and counted from; or
// nobody ever waited on it in the window and nobody holds a connection of its port.
func (f *facts) fresh() bool {
	if neverPolled(f.l) {
		return true
	}
	accepted, counted := f.l.Accepted.Get()
	return f.l.ListenedAt.IsKnown() && countedFromBirth(f.l) && counted && accepted == 0 &&
		!f.l.LastAccept.IsKnown() && noConnections(f.l)
}

func countedFromBirth(l *listener.Listener) bool {
	born, _ := l.ListenedAt.Get()
	since, known := l.CountedSince.Get()
	return known && !since.After(born)
}

// notQuiet: it makes progress, or might; it runs or waits for a CPU; it is
// frozen; it has work elsewhere; or its end is the end of a pid namespace.
func notQuiet(o *listener.Owner) bool {
	progress, known := o.Progress.Get()
	elsewhere, counted := o.AcceptedElsewhere.Get()
	asleep := o.State == "S" || o.State == "D" || o.State == "I"
	frozen := strings.Contains(o.Wchan, "refrigerator") || strings.Contains(o.Wchan, "freezer")
	return !known || progress || !counted || elsewhere || !asleep || frozen || o.NSPID == 1
}

// mixed: some member belongs to another program, or to nobody known.
func (f *facts) mixed() bool {
	name := ""
	for _, m := range f.members {
		if len(m.Owners) == 0 {
			return true
		}
		for i := range m.Owners {
			exe := path.Base(strings.TrimSuffix(m.Owners[i].Exe, " (deleted)"))
			if name == "" {
				name = exe
			}
			if exe != name || m.Owners[i].Exe == "" {
				return true
			}
		}
	}
	return false
}

// accepting are the siblings that accepted in the window.
func (f *facts) accepting() []*listener.Listener {
	var siblings []*listener.Listener
	for _, m := range f.members {
		if m.Key != f.l.Key && acceptedSince(m, f.l.Window.Since) {
			siblings = append(siblings, m)
		}
	}
	return siblings
}

// starting: it may still be on its way to its first accept, unless a younger
// sibling has overtaken it.
func (f *facts) starting() bool {
	age := f.now.Sub(f.l.FirstSeen)
	if born, known := f.l.ListenedAt.Get(); known {
		age = f.now.Sub(born)
	}
	// It is at least as old as its oldest client.
	age = max(age, f.l.OldestWait.Or(0))
	if age >= f.policy.StartupGrace {
		return false
	}
	return !slices.ContainsFunc(f.accepting(), func(m *listener.Listener) bool { return younger(m, f.l) })
}

// younger compares births by when the listeners were first seen; of two that
// were there before us, by when their processes started.
func younger(a, b *listener.Listener) bool {
	if !a.FirstSeen.Equal(b.FirstSeen) {
		return a.FirstSeen.After(b.FirstSeen)
	}
	for i := range a.Owners {
		for k := range b.Owners {
			if a.Owners[i].Start <= b.Owners[k].Start {
				return false
			}
		}
	}
	return len(a.Owners) > 0 && len(b.Owners) > 0
}

// takesLastAccepting: the end of the owner would leave no member that accepts.
func (f *facts) takesLastAccepting() bool {
	for _, m := range f.accepting() {
		taken := len(m.Owners) == 0
		for i := range m.Owners {
			taken = taken || f.ownedBy(func(o *listener.Owner) bool { return o.PID == m.Owners[i].PID })
		}
		if !taken {
			return false
		}
	}
	return true
}
