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

// starting: it may still be on its way to its first accept. A younger sibling that
// accepts has overtaken one that is proven dead, or whose holder never meant to serve.
// Of one that served nobody asks: but where its birth was seen and no service since, it
// is only not proven that it did not, and it may still be starting.
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

// age of a listener: of one that is older than reusewatch that of its owner. It is at
// least as old as its oldest client.
func (f *facts) age() time.Duration {
	since, _ := f.l.ListeningSince()
	if since.IsZero() || f.l.FirstSeen.Before(since) {
		since = f.l.FirstSeen
	}
	return max(f.snap.Time.Sub(since), f.l.OldestWait.Or(0))
}

// younger compares births: of one that was not seen being born, the start of its owner
// is what is known.
func younger(a, b *listener.Listener) bool {
	since, _ := a.ListeningSince()
	than, _ := b.ListeningSince()
	return !since.IsZero() && !than.IsZero() && since.After(than)
}
