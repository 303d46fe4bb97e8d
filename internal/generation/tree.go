package generation

import "github.com/reusewatch/reusewatch/internal/listener"

// tree is what one start of a program made: processes that descend from one another, with
// the members that they hold.
type tree struct {
	owners  []*listener.Owner
	members []*listener.Listener
}

// start gives the start of the oldest process in it, in ticks since boot.
func (t *tree) start() uint64 {
	oldest := t.owners[0].Start
	for _, o := range t.owners {
		oldest = min(oldest, o.Start)
	}
	return oldest
}

// forest joins processes that belong together. Its nodes are the pids of owners and of the
// processes above them.
type forest map[int]int

func (f forest) root(pid int) int {
	for {
		up, known := f[pid]
		if !known || up == pid {
			return pid
		}
		pid = up
	}
}

func (f forest) join(a, b int) {
	if a, b = f.root(a), f.root(b); a != b {
		f[max(a, b)] = min(a, b)
	}
}

// trees sorts the members of a group by where their owners come from. A member without a known
// owner is in none.
func trees(members []*listener.Listener) []*tree {
	f := make(forest)
	owners := make(map[int]bool)
	for _, m := range members {
		for i := range m.Owners {
			owners[m.Owners[i].PID] = true
			f.join(m.Owners[0].PID, m.Owners[i].PID)
		}
	}
	if len(owners) > 1 {
		for _, m := range members {
			f.called(m, owners)
			for i := range m.Owners {
				f.descends(&m.Owners[i], owners)
			}
		}
	}
	found, placed := make(map[int]*tree), make(map[int]bool)
	var all []*tree
	for _, m := range members {
		if len(m.Owners) == 0 {
			continue
		}
		root := f.root(m.Owners[0].PID)
		t := found[root]
		if t == nil {
			t = &tree{}
			found[root] = t
			all = append(all, t)
		}
		t.members = append(t.members, m)
		for i := range m.Owners {
			if o := &m.Owners[i]; !placed[o.PID] {
				placed[o.PID] = true
				t.owners = append(t.owners, o)
			}
		}
	}
	return all
}

// descends joins a process with the owners above it, and with those processes above it that
// run the same program: a living master, whether or not it holds a listener.
func (f forest) descends(o *listener.Owner, owners map[int]bool) {
	if o.Origin == nil {
		return
	}
	for _, up := range o.Origin.Parents {
		if up.Init {
			return
		}
		if owners[up.PID] || runs(&up, o) {
			f.join(o.PID, up.PID)
		}
	}
}

// runs says that a process above another one runs its program.
func runs(up *listener.Ancestor, o *listener.Owner) bool {
	above := listener.Holder{Exe: up.Exe}
	return o.Program() != "" && above.Program() == o.Program()
}

// called joins the owners with the process that called listen() for them, and with those of
// its name that were above it then: perhaps a master that has ended since.
func (f forest) called(m *listener.Listener, owners map[int]bool) {
	c, known := m.Caller.Get()
	if !known || len(m.Owners) == 0 {
		return
	}
	f.join(m.Owners[0].PID, c.PID)
	for _, up := range c.Parents {
		if up.PID > 1 && (owners[up.PID] || up.Comm != "" && up.Comm == c.Comm) {
			f.join(m.Owners[0].PID, up.PID)
		}
	}
}
