package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// decideSuperseded asks the gate about superseded listeners, where the policy wants more
// than a report. Stuck ones have been decided on already.
func decideSuperseded(s *listener.Snapshot, p *Policy, past *Past, js []listener.Judgement) {
	for i := range js {
		j := &js[i]
		if j.Superseded == nil || j.Decision != nil {
			continue
		}
		settings := p.For(j.Listener)
		if settings.Superseded != listener.Close && settings.Superseded != listener.Kill {
			continue
		}
		settings.Action = settings.Superseded
		l := *j.Listener
		l.Window.Since = s.Time.Add(-recently) // in which siblings must have accepted
		f := &facts{snap: s, l: &l, policy: p, settings: settings, past: past, index: i, culprit: soleOwner(j.Listener)}
		if f.culprit != nil {
			j.Culprit = f.culprit.PID
		}
		j.Decision = decideBy(supersededGate(js), f)
	}
}

// soleOwner gives the one owner of a superseded listener. Of several owners nobody knows
// which is to go.
func soleOwner(l *listener.Listener) *listener.Owner {
	if len(l.Owners) != 1 {
		return nil
	}
	return &l.Owners[0]
}

// supersededGate is the gate for a listener that accepts: no condition asks for a proof that
// it does not. Only the policy lifts its reasons.
func supersededGate(js []listener.Judgement) []condition {
	asked := slices.DeleteFunc(gate(), func(c condition) bool { return c.reason.Row().StuckOnly })
	for i := range asked {
		switch c := &asked[i]; c.reason {
		case listener.Frozen: // no evidence is gathered about a listener that accepts
			c.holds = func(f *facts) bool { return f.some(func(o *listener.Owner) bool { return frozen(o) == yes() }) }
		case listener.ServesElsewhere:
			c.holds = func(f *facts) bool {
				return f.kills() && f.some(func(o *listener.Owner) bool { return f.neededElsewhere(o, js) })
			}
		case listener.NoSiblingAccepted:
			c.holds = func(f *facts) bool { return !f.replaced(js) }
		case listener.TooSoon:
			c.holds = func(f *facts) bool { return f.olderLeft(js) }
		default:
		}
	}
	return asked
}

// neededElsewhere says that the process has another listener that accepts, or may, and that
// is not superseded itself.
func (f *facts) neededElsewhere(o *listener.Owner, js []listener.Judgement) bool {
	return slices.ContainsFunc(js, func(m listener.Judgement) bool {
		if m.Key == f.l.Key || m.Superseded != nil || !slices.ContainsFunc(m.Owners, func(k listener.Owner) bool { return k.PID == o.PID }) {
			return false
		}
		elsewhere, known := o.AcceptedElsewhere.Get()
		return acceptedSince(m.Listener, f.l.Window.Since) || !m.CountedSince.IsKnown() && (!known || elsewhere)
	})
}

// replaced says that a member of the generation that replaces it accepts.
func (f *facts) replaced(js []listener.Judgement) bool {
	newer := js[f.index].Superseded.New.Listeners
	return f.accepts(func(m *listener.Listener) bool { return slices.Contains(newer, m.Cookie) })
}

// olderLeft says that an older generation is left, which is to go first.
func (f *facts) olderLeft(js []listener.Judgement) bool {
	mine := js[f.index].Superseded.Old
	return slices.ContainsFunc(js, func(m listener.Judgement) bool {
		return m.Group == f.l.Group && m.Superseded != nil && m.Superseded.Old.Start < mine.Start
	})
}
