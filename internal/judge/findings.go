package judge

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/reusewatch/reusewatch/internal/generation"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// settled is how long a listener takes to become what it is: haproxy listens as
// root and drops its privileges then.
const settled = 5 * time.Second

// findings finds what is wrong with each group although its members may well accept.
func findings(s *listener.Snapshot, p *Policy, js []listener.Judgement) {
	for _, members := range apart(js) {
		ls := make([]*listener.Listener, len(members))
		for i, j := range members {
			ls[i] = j.Listener
		}
		settings := p.For(ls[0])
		all := generation.Of(ls, kin(&settings))
		mixed := mixture(s, ls)
		for _, j := range members {
			if len(all) > 0 {
				j.Generations = listener.Known(len(all))
			}
			j.Mixed = mixed
			if len(all) > 1 {
				j.Superseded = supersededBy(s, all, j.Listener, p.For(j.Listener).SupersededAfter)
			}
		}
	}
}

// apart gives the groups whose members have not all the same owners. All others
// are one generation, as is a listener without a group.
func apart(js []listener.Judgement) map[listener.GroupKey][]*listener.Judgement {
	first := make(map[listener.GroupKey]*listener.Judgement)
	groups := make(map[listener.GroupKey][]*listener.Judgement)
	for i := range js {
		j := &js[i]
		if !j.Grouped() {
			continue
		}
		one := first[j.Group]
		if one == nil {
			first[j.Group], one = j, j
		}
		if len(one.Owners) == 0 || !listener.SameOwners(one.Listener, j.Listener) {
			groups[j.Group] = nil
		}
	}
	for i := range js {
		j := &js[i]
		members, differ := groups[j.Group]
		switch {
		case j.Grouped() && differ:
			groups[j.Group] = append(members, j)
		case len(j.Owners) > 0:
			j.Generations = listener.Known(1)
		}
	}
	return groups
}

// supersededBy compares the generation of l with the newest one of its program that has
// listened for longer than after; nil if there is no newer one.
func supersededBy(s *listener.Snapshot, all []generation.One, l *listener.Listener, after time.Duration) *listener.Superseded {
	mine := slices.IndexFunc(all, func(g generation.One) bool { return slices.Contains(g.Members, l) })
	if mine < 0 {
		return nil
	}
	old := &all[mine]
	var found *listener.Superseded
	for i := mine + 1; i < len(all); i++ {
		g := &all[i]
		if g.Line != old.Line {
			continue
		}
		if by := side(g); !by.Since.IsZero() && s.Time.Sub(by.Since) > after {
			found = &listener.Superseded{New: by, Why: g.Why}
		}
	}
	if found != nil {
		found.Old, found.Share = side(old), share(old)
	}
	return found
}

// side describes a generation by its oldest process, and by when its first member began to
// listen.
func side(g *generation.One) listener.Side {
	oldest := slices.MinFunc(g.Owners, func(a, b *listener.Owner) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.PID, b.PID))
	})
	out := listener.Side{
		Start: oldest.Start, Comm: oldest.Comm, Cmdline: oldest.Cmdline, UID: oldest.UID, User: oldest.User,
		Configs: listener.Configs(g.Owners),
	}
	for _, o := range g.Owners {
		out.PIDs = append(out.PIDs, o.PID)
	}
	slices.Sort(out.PIDs)
	for _, m := range g.Members {
		out.Listeners = append(out.Listeners, m.Cookie)
		if at, seen := m.ListeningSince(); out.Since.IsZero() || !at.IsZero() && at.Before(out.Since) {
			out.Since, out.SinceSeen = at, seen
		}
	}
	return out
}

// share that a generation takes of the new connections of its group.
func share(g *generation.One) listener.Maybe[float64] {
	sum := 0.0
	for _, m := range g.Members {
		part, known := m.Share.Get()
		if !known {
			return listener.Maybe[float64]{}
		}
		sum += part
	}
	return listener.Known(sum)
}

// mixture says what members differ in, nil for nothing. Programs are compared as the gate
// compares them. A member has the users of all its holders: a master and its workers hold
// every member together.
func mixture(s *listener.Snapshot, members []*listener.Listener) *listener.Mixed {
	var programs, users, containers, images distinct
	for _, m := range members {
		if len(m.Owners) == 0 {
			continue
		}
		for i := range m.Owners {
			programs.add(m.Owners[i].Program())
		}
		c := m.Owners[0].Container
		if c == nil {
			containers.add("")
			continue
		}
		containers.add(c.ID)
		if c.Image != "" {
			images.add(c.Image)
		}
	}
	programs = slices.DeleteFunc(programs, func(p string) bool { return p == "" })
	if otherUsers(s, members) {
		for _, m := range members {
			for i := range m.Owners {
				users.add(cmp.Or(m.Owners[i].User, "uid "+strconv.FormatUint(uint64(m.Owners[i].UID), 10)))
			}
		}
	}
	mixed := &listener.Mixed{Programs: programs.several(), Users: users.several(), Containers: containers.several(), Images: images.several()}
	if len(mixed.Programs)+len(mixed.Users)+len(mixed.Containers)+len(mixed.Images) == 0 {
		return nil
	}
	return mixed
}

// otherUsers says that some member has no user in common with the first one.
func otherUsers(s *listener.Snapshot, members []*listener.Listener) bool {
	members = slices.DeleteFunc(slices.Clone(members), func(m *listener.Listener) bool {
		since, _ := m.ListeningSince()
		return len(m.Owners) == 0 || s.Time.Sub(since) < settled
	})
	return len(members) > 1 && slices.ContainsFunc(members[1:], func(m *listener.Listener) bool {
		return !slices.ContainsFunc(m.Owners, func(o listener.Owner) bool {
			return slices.ContainsFunc(members[0].Owners, func(k listener.Owner) bool { return k.UID == o.UID })
		})
	})
}

// distinct are values without repetition.
type distinct []string

func (s *distinct) add(v string) {
	if !slices.Contains(*s, v) {
		*s = append(*s, v)
	}
}

// several gives them in order, nil unless there is more than one.
func (s distinct) several() []string {
	if len(s) < 2 {
		return nil
	}
	return slices.Sorted(slices.Values(s))
}
