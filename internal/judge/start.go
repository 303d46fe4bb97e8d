package judge

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// stuckSince is when the head was established, as far as is known.
func stuckSince(f *facts) time.Time {
	if wait, known := f.l.OldestWait.Get(); known {
		return f.snap.Time.Add(-wait)
	}
	return f.l.Window.Since
}

// starting: it may still be on its way to its first accept, unless a younger
// sibling has overtaken it.
func (f *facts) starting() bool {
	age := f.snap.Time.Sub(f.l.FirstSeen)
	if born, known := f.l.ListenedAt.Get(); known {
		age = f.snap.Time.Sub(born)
	}
	// It is at least as old as its oldest client.
	age = max(age, f.l.OldestWait.Or(0))
	if age >= f.settings.StartupGrace {
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
