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

// rescue moves the clients of closing listeners: those of a group to other members, those
// of a shared listener to its next holder.
type rescue struct {
	actor  *Actor
	held   *lock
	snap   *listener.Snapshot
	acts   []*listener.Act
	groups map[listener.GroupKey]*moving
	sysctl *sysctl // not nil while it is on, for the target whose turn it is
}

// moving is one group whose clients are to be moved.
type moving struct {
	why      string    // why nothing is moved; "": clients are moved
	program  Migration // moves them; nil: the sysctl of the namespace does, which MPTCP needs
	members  []*listener.Listener
	halfOpen int
	heirs    map[listener.Cookie]bool
	strange  bool // some member is a stranger to one that leaves
	leavers  []*listener.Listener
	leaving  *listener.Listener // the first of the leavers
	act      *listener.Act      // the act with which that leaves
}

// planRescue plans for the groups of all listeners that are about to leave. Clients that
// cannot be rescued are no reason not to act, for they wait in vain anyway.
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
		g := r.groups[l.Group]
		if g == nil {
			g = &moving{leaving: l, act: act, heirs: make(map[listener.Cookie]bool), members: []*listener.Listener{l}}
			for m := range s.Siblings(l) {
				g.members = append(g.members, m)
				g.heirs[m.Cookie] = leaving[m.Cookie] == nil
			}
			r.groups[l.Group] = g
		}
		g.leavers = append(g.leavers, l)
		g.halfOpen += int(l.HalfOpen)
		g.exclude(a.strangers(s, l, &act.Judgement))
	}
	for _, g := range r.groups {
		g.why = r.unsafe(g)
	}
	r.describe()
	return r
}

// start attaches a program to each group whose clients can be moved by one.
func (r *rescue) start() {
	for _, g := range r.groups {
		if g.why != "" || g.leaving.MPTCP {
			continue
		}
		if err := g.attach(r.actor); err != nil {
			g.why = "failed: " + err.Error()
		}
	}
	r.describe()
}

func (r *rescue) describe() {
	for _, act := range r.acts {
		act.Rescue = r.description(act)
	}
}

// attach attaches the program by the descriptor of a member that leaves.
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
	a.release(g.leaving.Migration)
	heirs, err := a.descriptors(g)
	defer closeDescriptors(heirs)
	if err != nil && g.strange {
		return err // without strangers the hash may choose among all members
	}
	m, err := a.LoadMigration(listener.Moving{HalfOpen: a.MoveHalfOpen, Heirs: heirs, Only: g.strange})
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, m.FD()); err != nil {
		return errors.Join(fmt.Errorf("attach a program to the group of %s: %w", g.leaving.Local, err), m.Close())
	}
	g.program = m
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

// groupOf gives the group whose clients an act moves; nil: the listener stays with others.
func (r *rescue) groupOf(act *listener.Act) *moving {
	if !slices.Contains(act.Listeners, act.Judgement.Cookie) {
		return nil
	}
	return r.groups[act.Judgement.Group]
}

func (r *rescue) description(act *listener.Act) string {
	switch g := r.groupOf(act); {
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

// moved sums up what the programs have counted so far.
func (r *rescue) moved() (listener.Rescued, error) {
	var sum listener.Rescued
	for _, g := range r.groups {
		if g.program == nil {
			continue
		}
		one, err := g.program.Rescued()
		if err != nil {
			return sum, err
		}
		sum.Moved += one.Moved
		sum.HalfOpen += one.HalfOpen
		sum.Gone += one.Gone
	}
	return sum, nil
}

// prepare resets the clients that have gone, where no program does so: the next holder or a
// sibling would execute their requests for nobody. Then it turns the sysctl on, if the group
// needs that.
func (r *rescue) prepare(ctx context.Context, t *target) error {
	if g := r.groupOf(t.act); g == nil || g.why == "" && g.program == nil {
		if err := r.actor.drain(ctx, t); err != nil {
			return err
		}
	}
	return r.turnOn(t)
}

// turnOn turns the sysctl on for a target whose clients no program can move; count turns it
// off once the target has left. If the value to restore cannot be kept, for the disk is
// full, that is an error: clients that would be reset now can be moved later.
func (r *rescue) turnOn(t *target) error {
	for _, g := range r.groups {
		if !g.bySysctl() || !slices.ContainsFunc(t.act.Listeners, g.has) || r.sysctl != nil {
			continue
		}
		var err error
		r.sysctl, err = r.actor.migrateAll(r.held, g.leaving)
		switch {
		case errors.Is(err, errUnkept):
			return err
		case err != nil:
			g.why = "failed: " + err.Error()
			r.describe()
		}
	}
	return nil
}

// bySysctl says whether the sysctl of the namespace moves its clients.
func (g *moving) bySysctl() bool { return g.why == "" && g.leaving.MPTCP }

func (g *moving) has(c listener.Cookie) bool {
	return slices.ContainsFunc(g.members, func(m *listener.Listener) bool { return m.Cookie == c })
}

// count turns the sysctl off, and records what became of the clients of one act.
func (r *rescue) count(t *target, before listener.Rescued) error {
	_ = r.restore() // end tries again, and says so
	g := r.groupOf(t.act)
	if g == nil || g.program == nil {
		return nil // prepare has counted
	}
	now, err := r.moved()
	if err != nil {
		return err
	}
	// The kernel would count MPTCP clients as moved and reset them all the same, but
	// their groups take no program.
	t.act.Rescued = listener.Known(now.Moved + now.HalfOpen - before.Moved - before.HalfOpen)
	t.act.Stale = listener.Known(now.Gone - before.Gone)
	return nil
}
