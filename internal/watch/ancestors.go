package watch

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// imageOf gives the start of the process that executed the program which p runs: of p
// itself, or of the nearest process above it that executed one and has the same name. It
// is 0 where that process has ended and left its children to the init.
func (w *Watcher) imageOf(p *listener.Process) time.Duration {
	if !p.NeverExec {
		return p.Forked
	}
	var began time.Duration
	w.climb(p.PID, func(above *listener.Process) bool {
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
func (w *Watcher) parents(pid int) []listener.Parent {
	var parents []listener.Parent
	w.climb(pid, func(p *listener.Process) bool {
		parents = append(parents, listener.Parent{PID: p.PID, Comm: p.Comm, UID: p.UID})
		return true
	})
	return parents
}

// maxParents bounds a chain of parents.
const maxParents = 32

// climb visits the processes above one, nearest first, for as long as on returns true.
func (w *Watcher) climb(pid int, on func(*listener.Process) bool) {
	p := w.processes[pid]
	seen := map[int]bool{pid: true} // parents change while the pass goes on
	for range maxParents {
		if p == nil || p.PPID <= 0 || seen[p.PPID] {
			return
		}
		seen[p.PPID] = true
		above := w.processes[p.PPID]
		if above == nil {
			above = w.hidden(p.PPID)
		}
		if !on(above) {
			return
		}
		p = above
	}
}

// hidden stands for a process that the pass did not read: the init, or one that has gone.
func (w *Watcher) hidden(pid int) *listener.Process {
	p := &listener.Process{PID: pid}
	if pid == 1 {
		p.NSPID, p.Comm, p.UID = 1, w.init.Comm, w.init.UID
	}
	return p
}
