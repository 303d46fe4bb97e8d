package watch

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// imageOf gives the start of the process that executed the program which p runs: of p
// itself, or of the nearest process above it that executed one and has the same name. It
// is 0 where that process has ended and left its children to the init.
func (ps *population) imageOf(p *listener.Process) time.Duration {
	if !p.NeverExec {
		return p.Forked
	}
	var began time.Duration
	ps.climb(p.PID, func(above *listener.Process) bool {
		if above.Comm != p.Comm || above.PID == 1 || above.NSPID == 1 {
			return false
		}
		if !above.NeverExec {
			began = above.Forked
		}
		return above.NeverExec
	})
	return began
}

// parents gives the processes above one, nearest first, as far as the pass read them.
func (ps *population) parents(pid int) []listener.Parent {
	var parents []listener.Parent
	ps.climb(pid, func(p *listener.Process) bool {
		parents = append(parents, listener.Parent{PID: p.PID, Comm: p.Comm, UID: p.UID})
		return true
	})
	return parents
}

// maxParents bounds a chain of parents.
const maxParents = 32

// climb visits the processes above one, nearest first, for as long as on returns true.
func (ps *population) climb(pid int, on func(*listener.Process) bool) {
	p := ps.met[pid]
	seen := map[int]bool{pid: true} // parents change while the pass goes on
	for range maxParents {
		if p == nil || p.PPID <= 0 || seen[p.PPID] {
			return
		}
		seen[p.PPID] = true
		above := ps.met[p.PPID]
		if above == nil {
			above = ps.hidden(p.PPID)
		}
		if !on(above) {
			return
		}
		p = above
	}
}

// hidden stands for a process that the pass did not read: the init, or one that has gone.
func (ps *population) hidden(pid int) *listener.Process {
	p := &listener.Process{PID: pid}
	if pid == 1 {
		p.NSPID, p.Comm, p.UID = 1, ps.init.Comm, ps.init.UID
	}
	return p
}
