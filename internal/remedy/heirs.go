package remedy

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Strangers are members of a group that are no siblings: they run another program, or in
// another place. They never get a client of a member that closes.
const (
	amongStrangers  = "all other members are strangers: another program, or in another place"
	besideStrangers = "strangers are in the group, and nothing but a program could pass them over, of which MPTCP takes none"
)

// siblings gives the siblings of a listener that leaves with an act.
func (a *Actor) siblings(s *listener.Snapshot, l *listener.Listener, j *listener.Judgement) []*listener.Listener {
	all := slices.Collect(s.Siblings(l))
	switch {
	case l.Cookie == j.Cookie && j.Decision != nil && j.Decision.Siblings != nil:
		return slices.DeleteFunc(all, func(m *listener.Listener) bool { return !slices.Contains(j.Decision.Siblings, m.Cookie) })
	case a.Siblings != nil:
		return a.Siblings(s, l)
	default:
		return all
	}
}

// strangers gives the members of l's group that are no siblings of l.
func (a *Actor) strangers(s *listener.Snapshot, l *listener.Listener, j *listener.Judgement) map[listener.Cookie]bool {
	strange := make(map[listener.Cookie]bool)
	for m := range s.Siblings(l) {
		strange[m.Cookie] = true
	}
	for _, m := range a.siblings(s, l, j) {
		delete(strange, m.Cookie)
	}
	return strange
}

// exclude removes the strangers of a leaving member from the heirs. A member that is a
// sibling of some leaving members and a stranger to others is no heir either, for the
// program does not ask whose client it moves.
func (g *moving) exclude(strangers map[listener.Cookie]bool) {
	for c := range strangers {
		g.heirs[c] = false
		g.strange = true
	}
}

// inherit gives the members that may get clients.
func (g *moving) inherit() []*listener.Listener {
	var heirs []*listener.Listener
	for _, m := range g.members {
		if g.heirs[m.Cookie] {
			heirs = append(heirs, m)
		}
	}
	return heirs
}

// mostHeirs bounds the work before an act, which is one descriptor for each heir.
const mostHeirs = 128

// descriptors duplicates a descriptor of each heir, to be closed once the kernel knows it:
// while one is open its listener does not leave with its process. Heirs whose descriptor
// cannot be duplicated are left out; it is an error if none can.
func (a *Actor) descriptors(g *moving) ([]int, error) {
	var fds []int
	var errs []error
	for _, m := range g.inherit() {
		if len(fds) == mostHeirs {
			break
		}
		fd, err := a.descriptorOf(m)
		if err == nil {
			fds = append(fds, fd)
			continue
		}
		errs = append(errs, err)
		if errors.Is(err, errExecs) {
			break // each process that does not answer costs seconds
		}
	}
	if len(fds) == 0 {
		return nil, fmt.Errorf("find the members that may get the clients of %s: %w", g.leaving.Local, errors.Join(errs...))
	}
	return fds, nil
}

func closeDescriptors(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// descriptorOf duplicates the descriptor by which some owner holds a listener.
func (a *Actor) descriptorOf(l *listener.Listener) (int, error) {
	err := fmt.Errorf("%w: nobody holds listener %s", ErrChanged, l.Cookie)
	for i := range l.Owners {
		o := &l.Owners[i]
		var p *process
		if p, err = openProcess(a.Kernel, o.PID, o.Start); err != nil {
			continue
		}
		var fd int
		fd, err = p.descriptor(&l.Sample, o.FD)
		_ = p.close()
		if err == nil || errors.Is(err, errExecs) {
			return fd, err
		}
	}
	return -1, err
}

// unsafe says why the clients of a group must not be moved.
func (r *rescue) unsafe(g *moving) string {
	a := r.actor
	switch {
	case a.LoadMigration == nil:
		return "off"
	case g.leaving.Group == 0:
		return "none: it is in no group"
	case len(g.inherit()) == 0:
		if g.strange {
			return "refused: " + amongStrangers
		}
		return "none: no other member is left"
	case g.strange && g.leaving.MPTCP:
		return "refused: " + besideStrangers
	}
	// The settings of strangers do not matter.
	if why := a.differ(slices.Concat(g.leavers, g.inherit())); why != "" || !g.leaving.MPTCP {
		return why
	}
	return r.unsafeForAll(g)
}

// unsafeForAll says why migration must not be turned on in the whole namespace of a group
// while one of its members closes. There is no other way to move the clients of an MPTCP
// socket, which takes no program (EOPNOTSUPP).
func (r *rescue) unsafeForAll(g *moving) string {
	// Queued clients are moved while their listener closes, handshakes only when their
	// timer fires or their last ACK comes. By then the sysctl is off again, and they are
	// dropped. But one may come in the milliseconds between, so there must be none where
	// moving them does harm.
	if !r.actor.MoveHalfOpen && g.halfOpen > 0 {
		return "refused: handshakes are under way, and " + unmended
	}
	seen := make(map[listener.GroupKey]bool)
	for _, l := range r.snap.Listeners {
		if l.NetCookie != g.leaving.NetCookie || l.Group == 0 || l.Group == g.leaving.Group {
			continue
		}
		if seen[l.Group] {
			continue
		}
		seen[l.Group] = true
		why := r.actor.differ(append([]*listener.Listener{l}, slices.Collect(r.snap.Siblings(l))...))
		if why == "" && len(r.actor.strangers(r.snap, l, &g.act.Judgement)) > 0 {
			why = "refused: " + besideStrangers
		}
		if why != "" {
			return fmt.Sprintf("%s, in another group of the namespace (%s)", why, l.Local)
		}
	}
	return ""
}

// differ says in what members of a group differ that must agree if one is to get the
// clients of another, "" for nothing.
func (a *Actor) differ(members []*listener.Listener) string {
	first, _ := members[0].Settings.Get()
	for _, m := range members {
		s, known := m.Settings.Get()
		for _, c := range []struct {
			is   bool
			what string
		}{
			{!known, "nobody knows the settings of all members"},
			{m.Program, "a program of the application's chooses"},
			{m.Migration != 0 && !a.moves(m.Migration), "another agent moves its clients"},
			{s.Keys, "members have MD5 or AO keys"},
			{m.MPTCP != members[0].MPTCP, "members differ in MPTCP"},
			{s.FastOpen != first.FastOpen, "members differ in TCP_FASTOPEN"},
			{s.DeferAccept != first.DeferAccept, "members differ in TCP_DEFER_ACCEPT"},
			{s.SaveSYN != first.SaveSYN, "members differ in TCP_SAVE_SYN"},
			{s.Transparent != first.Transparent, "members differ in IP_TRANSPARENT"},
			{s.IncomingCPU != first.IncomingCPU, "members differ in SO_INCOMING_CPU"},
		} {
			if c.is {
				return "refused: " + c.what
			}
		}
	}
	return ""
}
