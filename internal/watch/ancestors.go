package watch

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// imageOf is when whoever executed the program that a process runs began: itself, or the
// nearest above it that did and that runs the same by name. A parent that has left it to
// the init is not known any more.
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

// parents are those above a process, nearest first; above one that the pass does not
// tell of nothing is known.
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

// climb visits those above a process, nearest first, while on says so.
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

// hidden is a process that the pass does not tell of: the init, or one that has gone.
func (w *Watcher) hidden(pid int) *listener.Process {
	p := &listener.Process{PID: pid}
	if pid == 1 {
		p.NSPID, p.Comm, p.UID = 1, w.init.Comm, w.init.UID
	}
	return p
}
