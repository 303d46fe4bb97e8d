package watch

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// reading is what /proc said of a process; err if it said nothing.
type reading struct {
	owner     listener.Owner // without the names that others give
	container proc.Container
	err       error
}

func (w *Watcher) read(pid int) reading {
	p, err := w.opts.Proc.Process(pid)
	if err != nil {
		return reading{err: err}
	}
	r := reading{owner: listener.Owner{
		PID: p.PID, NSPID: p.NSPID, Comm: p.Comm, Exe: p.Exe, Cmdline: proc.MaskSecrets(p.Cmdline),
		UID: p.UID, PPID: p.PPID, Started: p.Started, Start: p.StartTicks,
		State: string(p.State), Wchan: p.Wchan, Tracer: p.TracerPID, Kernel: p.KernelThread,
	}}
	if ns, err := w.opts.Proc.PIDNamespace(pid); err == nil {
		r.owner.PIDNS = listener.Known(ns)
	}
	if cgroups, err := w.opts.Proc.Cgroups(pid); err == nil {
		r.owner.Cgroup, r.container = cgroupOf(cgroups), cgroups.Container()
	}
	return r
}

// maxReaders read /proc at a time: a watcher is not to take all of a large host.
const maxReaders = 4

// readAll reads many processes side by side: with a thousand owners little else
// takes time.
func (w *Watcher) readAll(pids []int) map[int]reading {
	readings := make([]reading, len(pids))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxReaders, len(pids)) {
		readers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(pids); i = int(next.Add(1)) - 1 {
				readings[i] = w.read(pids[i])
			}
		})
	}
	readers.Wait()
	all := make(map[int]reading, len(pids))
	for i, pid := range pids {
		all[pid] = readings[i]
	}
	return all
}

// ownersOf are the processes that hold what the table has.
func (w *Watcher) ownersOf(h *holdings) []int {
	var pids []int
	for _, e := range w.entries {
		for _, d := range h.owners[e.l.Key] {
			pids = append(pids, d.PID)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// process reads an owner now.
func (w *Watcher) process(pid int) (listener.Owner, error) {
	r := w.read(pid)
	if r.err != nil {
		return listener.Owner{}, r.err
	}
	return w.owner(&r), nil
}

// owner adds the names of the user and the container.
func (w *Watcher) owner(r *reading) listener.Owner {
	o := r.owner
	o.User, o.Container = w.users.Name(o.UID), w.container(r.container)
	return o
}

// cgroupOf is one path to show and to match: that of the unified hierarchy, or
// of the controller that containers are told by on v1.
func cgroupOf(c proc.Cgroups) string {
	if c.V2 != "" && c.V2 != "/" {
		return c.V2
	}
	return cmp.Or(c.V1["pids"], c.V1["memory"], c.V1["name=systemd"], c.V2)
}
