package watch

import "slices"

// What one look follows of suspects, together: a descriptor costs one, a thread, with its
// stack, as much as threadCost of them.
const (
	followRoom = 1 << 17
	threadCost = 8
)

// sizeUnknown is what somebody is taken to hold whose descriptors were not told yet.
const sizeUnknown = 64

// fairly orders processes so that those of each user come in turn: where there is room for
// some only, nobody's many keep out another's one. Those of one user take turns from look
// to look.
func (w *Watcher) fairly(pids []int) []int {
	users := make(map[uint32][]int)
	var order []uint32
	for _, pid := range pids {
		user := uint32(0)
		if p := w.processes[pid]; p != nil {
			user = p.RealUID
		}
		if users[user] == nil {
			order = append(order, user)
		}
		users[user] = append(users[user], pid)
	}
	fair := make([]int, 0, len(pids))
	for _, of := range users {
		slices.SortFunc(of, func(a, b int) int { return w.waited(a) - w.waited(b) })
	}
	for len(fair) < len(pids) {
		for _, user := range order {
			if of := users[user]; len(of) > 0 {
				fair, users[user] = append(fair, of[0]), of[1:]
			}
		}
	}
	return fair
}

// waited is the turn that a process was followed in last: who waits longest comes first.
func (w *Watcher) waited(pid int) int {
	if p := w.processes[pid]; p != nil {
		if f := w.lives[identityOf(p)]; f != nil {
			return f.turn
		}
	}
	return 0
}

// pick picks whom this look follows. Of all others nothing new is known, and what is not
// known holds.
func (w *Watcher) pick(pids []int) (picked, left []int) {
	w.turn++
	room := followRoom
	for _, pid := range w.fairly(pids) {
		cost := w.cost(pid)
		if cost > room {
			left = append(left, pid)
			continue
		}
		room -= cost
		picked = append(picked, pid)
	}
	slices.Sort(picked)
	return picked, left
}

// cost of following a process, as far as it is known before that is done.
func (w *Watcher) cost(pid int) int {
	p := w.processes[pid]
	if p == nil {
		return sizeUnknown
	}
	held := sizeUnknown
	if f := w.lives[identityOf(p)]; f != nil {
		held = f.held
	}
	return min(threadCost*p.ThreadCount+held, followRoom)
}
