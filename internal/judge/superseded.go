package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// decideSuperseded asks the gate about what is superseded, where the policy wants
// more than a report. What is stuck is decided on as such.
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

// soleOwner: of a superseded listener that several hold, nobody says who of them
// is to go.
func soleOwner(l *listener.Listener) *listener.Owner {
	if len(l.Owners) != 1 {
		return nil
	}
	return &l.Owners[0]
}

// supersededGate is the gate of one that accepts: it asks for no proof that it does
// not. Nothing lifts it but what is said of it in the policy.
func supersededGate(js []listener.Judgement) []condition {
	asked := slices.DeleteFunc(gate(), func(c condition) bool { return c.reason.Row().StuckOnly })
	for i := range asked {
		switch c := &asked[i]; c.reason {
		case listener.Frozen: // of one that accepts it is not asked closer
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

// neededElsewhere: it has another listener that accepts, or may, and that nothing
// newer stands beside.
func (f *facts) neededElsewhere(o *listener.Owner, js []listener.Judgement) bool {
	return slices.ContainsFunc(js, func(m listener.Judgement) bool {
		if m.Key == f.l.Key || m.Superseded != nil || !slices.ContainsFunc(m.Owners, func(k listener.Owner) bool { return k.PID == o.PID }) {
			return false
		}
		elsewhere, known := o.AcceptedElsewhere.Get()
		return acceptedSince(m.Listener, f.l.Window.Since) || !m.CountedSince.IsKnown() && (!known || elsewhere)
	})
}

// replaced: a member of the generation that replaces it accepts.
func (f *facts) replaced(js []listener.Judgement) bool {
	newer := js[f.index].Superseded.New.Listeners
	return f.accepts(func(m *listener.Listener) bool { return slices.Contains(newer, m.Cookie) })
}

// olderLeft: the oldest generation goes first.
func (f *facts) olderLeft(js []listener.Judgement) bool {
	mine := js[f.index].Superseded.Old
	return slices.ContainsFunc(js, func(m listener.Judgement) bool {
		return m.Group == f.l.Group && m.Superseded != nil && m.Superseded.Old.Start < mine.Start
	})
}
