package listener

import "path"

// Program is the name of what a process runs: that of its executable, also when
// that was replaced; "" when it may not be known.
func (h *Holder) Program() string {
	if h.Exe == "" {
		return ""
	}
	return path.Base(h.path())
}

// replaced is what the kernel appends to an executable that is no longer there.
const replaced = " (deleted)"

// Grouped says that a listener may have siblings.
func (l *Listener) Grouped() bool { return l.Group != 0 && l.Reuseport && l.GroupSize > 1 }

// SameOwners says that the same processes hold a and b.
func SameOwners(a, b *Listener) bool {
	if len(a.Owners) != len(b.Owners) {
		return false
	}
	for i := range a.Owners {
		if a.Owners[i].PID != b.Owners[i].PID || a.Owners[i].Start != b.Owners[i].Start {
			return false
		}
	}
	return true
}

// tree is what one start of a program made: processes that come from one another,
// with the members that they hold.
type tree struct {
	owners  []*Owner
	members []*Listener
}

// start of the oldest process in it, in ticks since boot.
func (t *tree) start() uint64 {
	oldest := t.owners[0].Start
	for _, o := range t.owners {
		oldest = min(oldest, o.Start)
	}
	return oldest
}

// forest joins what belongs together. Its nodes are pids: of owners and of
// those above them.
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

// trees sorts the members of a group by where their owners come from. One of
// which no owner is known is in none.
func trees(members []*Listener) []*tree {
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

// descends joins a process with an owner above it, and with whatever runs the same
// program: a master, alive, whether or not it holds a listener.
func (f forest) descends(o *Owner, owners map[int]bool) {
	if o.Origin == nil {
		return
	}
	for _, up := range o.Origin.Parents {
		if up.Init {
			return
		}
		above := Holder{Exe: up.Exe}
		if owners[up.PID] || o.Program() != "" && above.Program() == o.Program() {
			f.join(o.PID, up.PID)
		}
	}
}

// called joins the owners with whoever called listen() for them, and with those of
// its name that were above it then: a master that has ended since.
func (f forest) called(m *Listener, owners map[int]bool) {
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
