package watch

import "slices"

// followRoom is what one look can follow of all suspects together: a descriptor costs one,
// a thread with its stack costs threadCost.
const (
	followRoom = 1 << 17
	threadCost = 8
)

// sizeUnknown is how many things a process is assumed to hold that was not followed yet.
const sizeUnknown = 64

// fairly orders processes so that users take turns: where there is room for some only, one
// user's many processes do not keep out another's only one. The processes of one user take
// turns from look to look.
func (s *suspects) fairly(pids []int) []int {
	users := make(map[uint32][]int)
	var order []uint32
	for _, pid := range pids {
		user := uint32(0)
		if p := s.procs.met[pid]; p != nil {
			user = p.RealUID
		}
		if users[user] == nil {
			order = append(order, user)
		}
		users[user] = append(users[user], pid)
	}
	fair := make([]int, 0, len(pids))
	for _, of := range users {
		slices.SortFunc(of, func(a, b int) int { return s.waited(a) - s.waited(b) })
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

// waited is the turn in which a process was followed last, by which the one that has waited
// longest comes first.
func (s *suspects) waited(pid int) int {
	if p := s.procs.met[pid]; p != nil {
		if f := s.lives[identityOf(p)]; f != nil {
			return f.turn
		}
	}
	return 0
}

// pick chooses the processes that this look follows. Nothing new becomes known of the
// others, and what is not known holds an act back.
func (s *suspects) pick(pids []int) (picked, left []int) {
	s.turn++
	room := followRoom
	for _, pid := range s.fairly(pids) {
		cost := s.cost(pid)
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

// cost estimates how much of followRoom a process takes.
func (s *suspects) cost(pid int) int {
	p := s.procs.met[pid]
	if p == nil {
		return sizeUnknown
	}
	held := sizeUnknown
	if f := s.lives[identityOf(p)]; f != nil {
		held = f.held
	}
	return min(threadCost*p.ThreadCount+held, followRoom)
}
