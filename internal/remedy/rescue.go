package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// unmended is why handshakes under way are not moved.
const unmended = "this kernel is not known to move them without fault"

// rescue takes the clients of closing listeners along: those of each group to
// its other members, those of a shared listener to its next holder.
type rescue struct {
	actor  *Actor
	held   *lock
	snap   *listener.Snapshot
	acts   []*listener.Act
	groups map[listener.GroupKey]*moving
	sysctl *sysctl // while it is on, for the target whose turn it is
}

// moving is one group whose clients are to be moved.
type moving struct {
	why      string    // nothing is moved; "": it is
	by       Migration // nil: by the sysctl of the namespace, which MPTCP needs
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
	}
	for _, g := range r.groups {
		g.why = r.unsafe(g)
	}
	r.tell()
	return r
}

// start turns migration on where nothing speaks against it, by a program for each group.
func (r *rescue) start() {
	for _, g := range r.groups {
		if g.why != "" || g.leaving.MPTCP {
			continue
		}
		if err := g.attach(r.actor); err != nil {
			g.why = "failed: " + err.Error()
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
func (r *rescue) unsafe(g *moving) string {
	a := r.actor
	switch {
	case a.LoadMigration == nil:
		return "off"
	case g.leaving.Group == 0:
		return "none: it is in no group"
	case !slices.ContainsFunc(g.members, func(m *listener.Listener) bool { return g.heirs[m.Cookie] }):
		return "none: no other member is left"
	}
	if why := a.differ(g.members); why != "" || !g.leaving.MPTCP {
		return why
	}
	return r.unsafeForAll(g)
}

// unsafeForAll says why migration must not be turned on in the whole namespace of a
// group, for as long as one of its members closes. It is what is left for an MPTCP socket,
// which takes no program (EOPNOTSUPP).
func (r *rescue) unsafeForAll(g *moving) string {
	// Those that are queued are moved while their listener closes, and the others only
	// when their time or their last ACK comes: with the sysctl gone by then they are let
	// go. Some milliseconds lie between, so there must be none where they do harm.
	if !r.actor.MoveHalfOpen && g.halfOpen > 0 {
		return "refused: handshakes are under way, and " + unmended
	}
	for _, l := range r.snap.Listeners {
		if l.NetCookie != g.leaving.NetCookie || l.Group == 0 || l.Group == g.leaving.Group {
			continue
		}
		members := append([]*listener.Listener{l}, slices.Collect(r.snap.Siblings(l))...)
		if why := r.actor.differ(members); why != "" {
			return fmt.Sprintf("%s, in another group of the namespace (%s)", why, l.Local)
		}
	}
	return ""
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
	m, err := a.LoadMigration(listener.Moving{HalfOpen: a.MoveHalfOpen})
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
	case g.leaving.MPTCP:
		return "moved to other members, by net.ipv4.tcp_migrate_req until it has closed; handshakes under way are let go"
	case r.actor.MoveHalfOpen:
		return "moved to other members, handshakes under way too"
	default:
		return "moved to other members; handshakes under way are let go: " + unmended
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
// next holder, or a sibling, would execute for nobody. Then, where it takes the sysctl,
// it turns that on; count, which comes once the target has left, turns it off.
func (r *rescue) prepare(ctx context.Context, t *target) error {
	if g := r.of(t.act); g == nil || g.why == "" && g.by == nil {
		if err := r.actor.drain(ctx, t); err != nil {
			return err
		}
	}
	for _, g := range r.groups {
		if !g.bySysctl() || !slices.ContainsFunc(t.act.Listeners, g.has) {
			continue
		}
		if r.sysctl == nil {
			var err error
			if r.sysctl, err = r.actor.migrateAll(r.held, g.leaving); err != nil {
				g.why = "failed: " + err.Error()
				r.tell()
			}
		}
	}
	return nil
}

// bySysctl says whether its clients are moved by the sysctl of the namespace.
func (g *moving) bySysctl() bool { return g.why == "" && g.leaving.MPTCP }

func (g *moving) has(c listener.Cookie) bool {
	return slices.ContainsFunc(g.members, func(m *listener.Listener) bool { return m.Cookie == c })
}

// count turns the sysctl off, and tells what became of the clients of one act.
func (r *rescue) count(t *target, before listener.Rescued) error {
	_ = r.restore() // end tries again, and says so
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
