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

// gate pairs every reason of the table, in its order, with what it asks. A wrong
// kill is worse than a missed one: what is not known holds. The last reason,
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
		{listener.NoSiblingAccepted, func(f *facts) bool { return len(f.accepting()) == 0 && !f.settings.AllowSole }},
		{listener.Starting, (*facts).starting},
		{listener.Served, func(f *facts) bool {
			return f.classed == listener.ServedClass && !f.settings.AllowServed && !f.forgotten()
		}},
		{listener.TooSoon, (*facts).tooSoon},
		{listener.HostWide, (*facts).hostWide},
		{listener.Budget, (*facts).overBudget},
		{listener.LastAcceptingMember, func(f *facts) bool { return f.kills() && f.takesLastAccepting() }},
	}
}

func decide(f *facts) *listener.Decision { return decideBy(gate(), f) }

func decideBy(gate []condition, f *facts) *listener.Decision {
	d := &listener.Decision{Act: f.settings.Action}
	for _, c := range gate {
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

// together makes the dead members of a group one act: clients that are moved on
// from one of them may land on the next. A member that nothing but time holds
// back is waited for; it is ripe within one act-after.
func together(stuck []*facts, js []listener.Judgement) {
	for _, f := range stuck {
		d := js[f.index].Decision
		if d.Act == listener.Hold || f.l.Group == 0 {
			continue
		}
		if slices.ContainsFunc(stuck, func(o *facts) bool { return o.l.Group == f.l.Group && unripe(js[o.index].Decision) }) {
			d.Reasons = append(d.Reasons, listener.TooSoon)
			d.Act, d.Reason = listener.Hold, d.Reasons[0]
		}
	}
}

func unripe(d *listener.Decision) bool {
	return !slices.ContainsFunc(d.Reasons, func(r listener.Reason) bool { return r != listener.TooSoon && r != listener.NotArmed }) &&
		slices.Contains(d.Reasons, listener.TooSoon)
}

// kills: the process would end, not only the listener.
func (f *facts) kills() bool { return f.settings.Action != listener.Close }

// ambiguous: nobody knows who of its holders should accept. To close what a
// master shares would leave its workers with a listener that gives errors.
func (f *facts) ambiguous() bool {
	return len(f.l.Owners) > 1 && (f.culprit == nil || !f.kills())
}

func (f *facts) protected(o *listener.Owner) bool { return slices.Contains(f.policy.Protect, o.Comm) }

func (f *facts) self(o *listener.Owner) bool {
	return o.PID == 1 || o.Kernel || slices.Contains(f.policy.Self, o.PID)
}

// waitsOn: it waits for somebody alive, and the operator has not said that it may.
func (f *facts) waitsOn() bool {
	if f.forgotten() || !f.holds(listener.SignWaits) {
		return false
	}
	return !f.settings.AllowWaiting || f.some(func(o *listener.Owner) bool { return !f.lifted(o) })
}

// forgotten: its holder inherited the listener and nothing was ever seen of service on
// it. Then it takes nothing from anybody to close it, whatever its holder does.
func (f *facts) forgotten() bool {
	return !f.kills() && len(f.signs) > 0 && f.sign(listener.SignInherited).Alive == yes() && !f.touched()
}

// containerInit: it is the init of a pid namespace in which an owner of a
// sibling lives, who would go with it.
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

// mixed: members of more than one program, or an application's own program
// chooses among them.
func (f *facts) mixed() bool {
	var first *listener.Owner
	for _, m := range f.members() {
		if m.Program || len(m.Owners) == 0 {
			return true
		}
		if m == f.l && f.forgotten() {
			continue // whoever inherited it is of no group
		}
		for i := range m.Owners {
			if first == nil {
				first = &m.Owners[i]
			}
			if !sameProgram(first, &m.Owners[i]) {
				return true
			}
		}
	}
	return false
}

// hostWide: three processes or more in different groups in scope stopped accepting
// within one act-after. Then the host is ill, not they.
func (f *facts) hostWide() bool {
	groups, pids := make(map[string]bool), make(map[int]bool)
	mine := stuckSince(f)
	for _, o := range f.stuck {
		apart := stuckSince(o).Sub(mine).Abs()
		if apart > f.settings.ActAfter || o.culprit == nil && o != f || o != f && !f.policy.Scope.Match(o.l) {
			continue
		}
		pid := 0
		if o.culprit != nil {
			pid = o.culprit.PID
		}
		if group := o.l.Counted(); !groups[group] && !pids[pid] {
			groups[group], pids[pid] = true, true
		}
	}
	return len(groups) >= 3
}

func (f *facts) overBudget() bool {
	return f.spent(f.settings.Budget, false) || f.spent(f.policy.HostBudget, true)
}

// takesLastAccepting: members accept, and all of them end with the culprit.
func (f *facts) takesLastAccepting() bool {
	accepting := f.accepting()
	for _, m := range accepting {
		taken := len(m.Owners) == 0
		for i := range m.Owners {
			taken = taken || f.some(func(o *listener.Owner) bool { return o.PID == m.Owners[i].PID && len(m.Owners) == 1 })
		}
		if !taken {
			return false
		}
	}
	return len(accepting) > 0
}
