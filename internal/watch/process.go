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
	proc.Process
	pidns   listener.Maybe[uint32]
	cgroups listener.Maybe[proc.Cgroups]
	err     error
}

func (w *Watcher) read(pid int) (p reading) {
	if p.Process, p.err = w.opts.Proc.Process(pid); p.err != nil {
		return p
	}
	if ns, err := w.opts.Proc.PIDNamespace(pid); err == nil {
		p.pidns = listener.Known(ns)
	}
	if cgroups, err := w.opts.Proc.Cgroups(pid); err == nil {
		p.cgroups = listener.Known(cgroups)
	}
	return p
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
	p := w.read(pid)
	if p.err != nil {
		return listener.Owner{}, p.err
	}
	return w.owner(&p), nil
}

// owner is a process in the words of the domain, with the names that users and
// containers have.
func (w *Watcher) owner(p *reading) listener.Owner {
	o := listener.Owner{
		PID: p.PID, NSPID: p.NSPID, Comm: p.Comm, Exe: p.Exe, Cmdline: proc.MaskSecrets(p.Cmdline),
		UID: p.UID, User: w.users.Name(p.UID), PPID: p.PPID, Started: p.Started, Start: p.StartTicks,
		State: string(p.State), Wchan: p.Wchan, Tracer: p.TracerPID, Kernel: p.KernelThread, PIDNS: p.pidns,
	}
	if cgroups, known := p.cgroups.Get(); known {
		o.Cgroup, o.Container = cgroupOf(cgroups), w.container(cgroups)
	}
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
