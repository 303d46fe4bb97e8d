package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/generation"
	"github.com/reusewatch/reusewatch/internal/listener"
)

func kin(s *Settings) *generation.Kin {
	return &generation.Kin{Within: s.Siblings, Programs: s.SameProgram}
}

// Siblings are the members of a listener's group that run its program in its place, as
// the policy has it. All other members are strangers.
func (p *Policy) Siblings(s *listener.Snapshot, l *listener.Listener) []*listener.Listener {
	settings := p.For(l)
	var all []*listener.Listener
	for m := range s.Siblings(l) {
		if kin(&settings).Holders(l, m) {
			all = append(all, m)
		}
	}
	return all
}

// findSiblings finds the siblings of the processes that an act would touch. A process that
// inherited the listener runs another program than the group that this was made for: then
// the siblings are all other members, if those are siblings of one another.
func (f *facts) findSiblings() []*listener.Listener {
	k := kin(&f.settings)
	var all, others []*listener.Listener
	for m := range f.snap.Siblings(f.l) {
		others = append(others, m)
		if f.some(func(o *listener.Owner) bool { return k.Any(o, m) }) {
			all = append(all, m)
		}
	}
	if len(all) > 0 || !f.forgotten() {
		return all
	}
	if slices.ContainsFunc(others, func(m *listener.Listener) bool { return !k.Holders(others[0], m) }) {
		return nil
	}
	return others
}

func cookies(ls []*listener.Listener) []listener.Cookie {
	all := make([]listener.Cookie, len(ls))
	for i, l := range ls {
		all[i] = l.Cookie
	}
	slices.Sort(all)
	return all
}
