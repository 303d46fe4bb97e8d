package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// accepts says that some sibling for which is holds accepted in the window, and is not
// stuck by now: members that hang one after the other must not vouch for one another. Where
// it is known only that one of several members accepted, is must hold for all of them, all
// must be siblings, and none may have a head that stands still: it might be the one that
// accepted, and accepts no more.
func (f *facts) accepts(is func(*listener.Listener) bool) bool {
	known, among, all := false, false, true
	for m := range f.snap.Siblings(f.l) {
		sibling := slices.Contains(f.siblings, m)
		if sibling && acceptedSince(m, f.l.Window.Since) && verdict(f.snap, m, f.settings.StuckAfter) != listener.Stuck {
			known = true
			if is(m) {
				return true
			}
		} else if f.among(m) {
			among, all = true, all && sibling && is(m) && m.Window.Samples < enough
		}
	}
	return !known && among && all
}

func anybody(*listener.Listener) bool { return true }

// among says that one of several members accepted in the window, and m is one of them.
func (f *facts) among(m *listener.Listener) bool {
	at, known := m.AcceptedAmong.Get()
	return known && !at.Before(f.l.Window.Since)
}

// mixed says that a program of the application chooses among the members, or that only
// strangers accept, or perhaps only they.
func (f *facts) mixed() bool {
	members := slices.Collect(f.snap.Siblings(f.l))
	if f.l.Program || slices.ContainsFunc(members, func(m *listener.Listener) bool { return m.Program }) {
		return true
	}
	return !f.accepts(anybody) && slices.ContainsFunc(members, func(m *listener.Listener) bool {
		return !slices.Contains(f.siblings, m) && (acceptedSince(m, f.l.Window.Since) || f.among(m))
	})
}
