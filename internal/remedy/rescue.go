package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// rescue takes the clients of closing listeners along: those of each group to
// its other members, those of a shared listener to its next holder.
type rescue struct {
	actor  *Actor
	held   *lock
	snap   *listener.Snapshot
	acts   []*listener.Act
	groups map[listener.GroupKey]*moving
}

// moving is one group whose clients are to be moved.
type moving struct {
	why      string    // nothing is moved; "": it is
	by       Migration // nil: by the sysctl of the namespace
	sysctl   *sysctl
	members  []*listener.Listener
	halfOpen int
	heirs    map[listener.Cookie]bool
	leaving  *listener.Listener // one of those that leave
	act      *listener.Act      // with which it does
}

// planRescue looks at the groups of all listeners that are about to leave. What
// cannot be rescued is no reason not to act: its clients wait in vain.
func (a *Actor) planRescue(held *lock, s *listener.Snapshot, acts []*listener.Act) *rescue {
	r := &rescue{actor: a, held: held, snap: s, acts: acts, groups: make(map[listener.GroupKey]*moving)}
	leaving := make(map[listener.Cookie]*listener.Act)
	for _, act := range acts {
		for _, c := range act.Listeners {
			leaving[c] = act
		}
	}
	for _, l := range s.Listeners {
		act := leaving[l.Cookie]
		if act == nil {
			continue
		}
		if g := r.groups[l.Group]; g != nil {
			g.halfOpen += l.HalfOpen
			continue
		}
		g := &moving{
			halfOpen: l.HalfOpen, leaving: l, act: act,
			heirs: make(map[listener.Cookie]bool), members: []*listener.Listener{l},
		}
		for m := range s.Siblings(l) {
			g.members = append(g.members, m)
			g.heirs[m.Cookie] = leaving[m.Cookie] == nil
		}
		r.groups[l.Group] = g
		g.why = a.unsafe(g)
	}
	r.tell()
	return r
}

// start turns migration on where nothing speaks against it.
func (r *rescue) start() {
	for _, g := range r.groups {
		if g.why == "" {
			g.start(r)
		}
	}
	r.tell()
}

func (r *rescue) tell() {
	for _, act := range r.acts {
		act.Rescue = r.told(act)
	}
}

// unsafe says why the clients of a group must not be moved.
func (a *Actor) unsafe(g *moving) string {
	switch {
	case a.LoadMigration == nil:
		return "off"
	case g.leaving.Group == 0:
		return "none: it is in no group"
	case !slices.ContainsFunc(g.members, func(m *listener.Listener) bool { return g.heirs[m.Cookie] }):
		return "none: no other member is left"
	}
	return a.differ(g.members)
}

// differ says in what members of a group differ that must not if one is to get
// the clients of another, "" for nothing.
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

// start turns migration on: for this group alone, by a program of its own. An
// MPTCP socket takes none (EOPNOTSUPP): then for the whole namespace, if that
// harms no other group.
func (g *moving) start(r *rescue) {
	err := g.attach(r.actor)
	if err == nil {
		return
	}
	if !g.leaving.MPTCP {
		g.why = "failed: " + err.Error()
		return
	}
	for _, l := range r.snap.Listeners {
		if l.NetCookie != g.leaving.NetCookie || l.Group == 0 || l.Group == g.leaving.Group {
			continue
		}
		members := append([]*listener.Listener{l}, slices.Collect(r.snap.Siblings(l))...)
		if why := r.actor.differ(members); why != "" {
			g.why = fmt.Sprintf("%s, in another group of the namespace (%s)", why, l.Local)
			return
		}
	}
	if g.sysctl, err = r.actor.migrateAll(r.held, g.leaving); err != nil {
		g.why = "failed: " + err.Error()
	}
}

// attach attaches the program by the descriptor of the member that leaves.
func (g *moving) attach(a *Actor) error {
	p, err := openProcess(a.Kernel, g.act.Owner.PID, g.act.Owner.Start)
	if err != nil {
		return err
	}
	defer p.close()
	fd, err := p.descriptor(&g.leaving.Sample, fdOf(g.leaving, g.act.Owner.PID))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	m, err := a.LoadMigration()
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, m.FD()); err != nil {
		return errors.Join(fmt.Errorf("attach a program to the group of %s: %w", g.leaving.Local, err), m.Close())
	}
	g.by = m
	return nil
}

func fdOf(l *listener.Listener, pid int) listener.Maybe[int] {
	for i := range l.Owners {
		if l.Owners[i].PID == pid {
			return l.Owners[i].FD
		}
	}
	return listener.Maybe[int]{}
}

// of is the group that an act is about; nil: the listener stays, with others.
func (r *rescue) of(act *listener.Act) *moving {
	if !slices.Contains(act.Listeners, act.Judgement.Cookie) {
		return nil
	}
	return r.groups[act.Judgement.Group]
}

func (r *rescue) told(act *listener.Act) string {
	switch g := r.of(act); {
	case g == nil:
		return "its next holder takes over"
	case g.why != "":
		return g.why
	case g.sysctl != nil:
		return "moved to other members, net.ipv4.tcp_migrate_req"
	default:
		return "moved to other members"
	}
}

// moved sums up what the programs counted so far.
func (r *rescue) moved() (listener.Rescued, error) {
	var sum listener.Rescued
	for _, g := range r.groups {
		if g.by == nil {
			continue
		}
		one, err := g.by.Rescued()
		if err != nil {
			return sum, err
		}
		sum.Moved += one.Moved
		sum.HalfOpen += one.HalfOpen
		sum.Gone += one.Gone
	}
	return sum, nil
}

// prepare lets those go whose client has gone, where no program does: what the
// next holder, or a sibling, would execute for nobody.
func (r *rescue) prepare(ctx context.Context, t *target) error {
	g := r.of(t.act)
	if g != nil && (g.why != "" || g.by != nil) {
		return nil
	}
	return r.actor.drain(ctx, t)
}

// count tells what became of the clients of one act.
func (r *rescue) count(t *target, before listener.Rescued) error {
	g := r.of(t.act)
	if g == nil || g.by == nil {
		return nil // prepare has counted
	}
	now, err := r.moved()
	if err != nil {
		return err
	}
	// The kernel counts MPTCP clients as moved and resets them all the same; but
	// no group of theirs takes a program.
	t.act.Rescued = listener.Known(now.Moved + now.HalfOpen - before.Moved - before.HalfOpen)
	t.act.Stale = listener.Known(now.Gone - before.Gone)
	return nil
}
