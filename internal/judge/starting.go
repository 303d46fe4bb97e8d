package judge

import (
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

// starting says that it may still be on its way to its first accept. A listener that is
// proven dead, or whose holder never meant to serve, is not if a younger sibling accepts
// already. One that has served is not either; but if its birth was seen and no service
// since, it is of the class served only because the contrary is not proven, and may be starting.
func (f *facts) starting() bool {
	if f.classed == listener.ServedClass && !f.forgotten() && (!f.settings.AllowServed || !f.l.ListenedAt.IsKnown() || f.seenServing()) {
		return false
	}
	if f.age() >= f.settings.StartupGrace {
		return false
	}
	if f.classed != listener.Dead && !f.forgotten() {
		return true
	}
	return !f.accepts(func(m *listener.Listener) bool { return younger(m, f.l) })
}

// age gives the age of a listener: that of its owner, if the listener is older than
// reusewatch, and at least that of its oldest client.
func (f *facts) age() time.Duration {
	since, _ := f.l.ListeningSince()
	if since.IsZero() || f.l.FirstSeen.Before(since) {
		since = f.l.FirstSeen
	}
	return max(f.snap.Time.Sub(since), f.l.OldestWait.Or(0))
}

// younger compares births. Of a listener whose birth was not seen, the start of its owner is
// known instead.
func younger(a, b *listener.Listener) bool {
	since, _ := a.ListeningSince()
	than, _ := b.ListeningSince()
	return !since.IsZero() && !than.IsZero() && since.After(than)
}
