package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// condition holds an act back.
type condition struct {
	reason listener.Reason
	holds  func(*facts) bool
}

// gate pairs every reason of the table, in its order, with its condition. A wrong kill is
// worse than a missed one: what is not known holds the act back. The last reason,
// changed-meanwhile, is the remedy's.
func gate() []condition {
	return []condition{
		{listener.Disarmed, func(f *facts) bool { return f.past.Disarmed }},
		{listener.NotArmed, func(f *facts) bool { return f.settings.Action == listener.Observe }},
		{listener.OutOfScope, func(f *facts) bool { return !f.policy.Scope.Match(f.l) }},
		{listener.Protected, func(f *facts) bool { return f.settings.Protect || f.some(f.protected) }},
		{listener.Self, func(f *facts) bool { return f.some(f.self) }},
		{listener.Unowned, func(f *facts) bool { return len(f.l.Owners) == 0 }},
		{listener.AmbiguousHolders, (*facts).ambiguous},
		{listener.Traced, func(f *facts) bool { return f.some(traced) }},
		{listener.Frozen, func(f *facts) bool { return f.some(func(o *listener.Owner) bool { return frozen(o) != no() }) }},
		{listener.Stopped, func(f *facts) bool { return f.some(stopped) && !f.settings.AllowStopped }},
		{listener.Starved, func(f *facts) bool { return f.some(f.starved) }},
		{listener.Busy, func(f *facts) bool { return !f.forgotten() && f.holds(listener.SignMovesBytes) }},
		{listener.AtLimit, func(f *facts) bool { return !f.forgotten() && f.holds(listener.SignAtLimit) }},
		{listener.Waits, (*facts).waitsOn},
		{listener.Inherited, func(f *facts) bool { return f.kills() && f.holds(listener.SignInherited) }},
		{listener.ServesElsewhere, func(f *facts) bool { return f.kills() && f.holds(listener.SignServesElsewhere) }},
		{listener.ContainerInit, func(f *facts) bool { return f.kills() && f.some(f.containerInit) }},
		{listener.MixedGroup, (*facts).mixed},
		{listener.NoSiblingAccepted, func(f *facts) bool { return !f.accepts(anybody) && !f.settings.AllowSole }},
		{listener.Starting, (*facts).starting},
		{listener.Served, func(f *facts) bool {
			return f.classed == listener.ServedClass && !f.settings.AllowServed && !f.forgotten()
		}},
		{listener.TooSoon, (*facts).tooSoon},
		{listener.HostWide, func(f *facts) bool { return len(f.ill()) >= hostWide }},
		{listener.Budget, (*facts).overBudget},
		{listener.LastAcceptingMember, func(f *facts) bool { return f.kills() && f.endsLastAccepting() }},
	}
}

func decide(f *facts) *listener.Decision { return decideBy(gate(), f) }

func decideBy(gate []condition, f *facts) *listener.Decision {
	f.siblings = f.findSiblings()
	d := &listener.Decision{Act: f.settings.Action, Siblings: cookies(f.siblings)}
	for _, c := range gate {
		if c.holds(f) {
			d.Reasons = append(d.Reasons, c.reason)
		}
	}
	if len(d.Reasons) == 0 {
		return d
	}
	d.Act, d.Reason = listener.Hold, d.Reasons[0]
	if slices.Contains(d.Reasons, listener.HostWide) {
		d.Ill = f.ill()
	}
	if len(d.Reasons) == 1 && d.Reason == listener.NotArmed {
		d.Act = listener.Observe
	}
	return d
}

// together makes the dead members of a group one act: clients that are moved from one of
// them may land on the next. All wait for a member that only time holds back, which it does
// for one act-after at the most.
func together(stuck []*facts, js []listener.Judgement) {
	for _, f := range stuck {
		d := js[f.index].Decision
		if d.Act == listener.Hold || f.l.Group == 0 {
			continue
		}
		if slices.ContainsFunc(stuck, func(o *facts) bool { return slices.Contains(f.siblings, o.l) && unripe(js[o.index].Decision) }) {
			d.Reasons = append(d.Reasons, listener.TooSoon)
			d.Act, d.Reason = listener.Hold, d.Reasons[0]
		}
	}
}

func unripe(d *listener.Decision) bool {
	return !slices.ContainsFunc(d.Reasons, func(r listener.Reason) bool { return r != listener.TooSoon && r != listener.NotArmed }) &&
		slices.Contains(d.Reasons, listener.TooSoon)
}

// kills says that the process would end, not only the listener.
func (f *facts) kills() bool { return f.settings.Action != listener.Close }

// ambiguous says that nobody knows which of its holders should accept. To close a listener
// that a master shares would leave its workers with one that gives errors.
func (f *facts) ambiguous() bool {
	return len(f.l.Owners) > 1 && (f.culprit == nil || !f.kills())
}

func (f *facts) protected(o *listener.Owner) bool { return slices.Contains(f.policy.Protect, o.Comm) }

func (f *facts) self(o *listener.Owner) bool {
	return o.PID == 1 || o.Kernel || slices.Contains(f.policy.Self, o.PID)
}

// waitsOn says that it waits for somebody alive, and the policy does not let that pass.
func (f *facts) waitsOn() bool {
	if f.forgotten() || !f.holds(listener.SignWaits) {
		return false
	}
	return !f.settings.AllowWaiting || f.some(func(o *listener.Owner) bool { return !f.lifted(o) })
}

// forgotten says that its holder inherited the listener and was never seen to serve on it.
// Then closing it takes nothing from anybody, whatever its holder does.
func (f *facts) forgotten() bool {
	return !f.kills() && len(f.signs) > 0 && f.sign(listener.SignInherited).Alive == yes() && !f.seenServing()
}

// containerInit says that a process is the init of a pid namespace in which an owner of
// another member lives, which would end with it.
func (f *facts) containerInit(o *listener.Owner) bool {
	if o.NSPID != 1 || o.PID == 1 {
		return false
	}
	home, known := o.PIDNS.Get()
	for m := range f.snap.Siblings(f.l) {
		for i := range m.Owners {
			other, otherKnown := m.Owners[i].PIDNS.Get()
			if m.Owners[i].PID != o.PID && (!known || !otherKnown || other == home) {
				return true
			}
		}
	}
	return false
}

// endsLastAccepting says that members accept, and that all of these end with the culprit.
func (f *facts) endsLastAccepting() bool {
	return f.accepts(anybody) && !f.accepts(func(m *listener.Listener) bool {
		ends := len(m.Owners) == 0
		for i := range m.Owners {
			ends = ends || f.some(func(o *listener.Owner) bool { return o.PID == m.Owners[i].PID && len(m.Owners) == 1 })
		}
		return !ends
	})
}
