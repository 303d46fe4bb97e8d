package watch

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/container"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// How long the reader of /proc may take for all that is asked in one look together, and
// for one question at the start. What it does not come to is asked again.
const (
	readFor      = 600 * time.Millisecond
	readForFirst = 10 * time.Second
)

// identity of a process.
type identity struct {
	pid   int
	start uint64
}

func identityOf(p *listener.Process) identity { return identity{p.PID, p.Start} }

// namesLast is how long what /proc said is taken for true without a reason to ask again:
// a process may write a title over its arguments, or be moved to another cgroup.
const namesLast = time.Minute

// named is what /proc said of who a process is. It holds until the process executes
// another program.
type named struct {
	at        time.Time
	execs     uint64
	exe       string
	cmdline   []string // secrets are masked
	cgroup    string
	container *listener.Container
}

// readProcesses passes over the tasks, and has /proc asked who these processes are, unless that is
// known; these anew in any case.
func (w *Watcher) readProcesses(ask listener.Ask, who, anew []int) error {
	met, err := w.src.Processes(ask)
	if err != nil {
		return err
	}
	w.processes, w.holders = met, make(map[*listener.Process]*listener.Holder)
	if err := w.lent(ask.Threads); err != nil {
		return err
	}
	w.identify(who, anew)
	return nil
}

// lentAsks is how often it is asked who shares a memory. To read a command line in /proc
// takes some microseconds.
const lentAsks = 4

// lent tells memory that is shared from memory that is lent: whoever reads in /proc of a
// process, as ps does of all, has a hold of its memory for that long.
func (w *Watcher) lent(pids []int) error {
	for range lentAsks {
		var shared []int
		for _, pid := range pids {
			if p := w.processes[pid]; p != nil && p.MemoryUsers > p.ThreadCount {
				shared = append(shared, pid)
			}
		}
		if len(shared) == 0 {
			return nil
		}
		again, err := w.src.Processes(listener.Ask{Some: shared})
		if err != nil {
			return err
		}
		for _, pid := range shared {
			if now, p := again[pid], w.processes[pid]; now != nil && now.Start == p.Start {
				p.MemoryUsers = min(p.MemoryUsers, now.MemoryUsers)
			}
		}
	}
	return nil
}

// identify has /proc asked who processes are, and who the init is: of the pid namespace
// that we are in some kernels hide it, and everybody descends from it.
func (w *Watcher) identify(who, anew []int) {
	again := make(map[int]bool, len(anew))
	for _, pid := range anew {
		again[pid] = true
	}
	var questions []proc.Question
	if w.processes[1] == nil && w.known[identity{pid: 1}] == nil {
		questions = append(questions, proc.Question{PID: 1, What: proc.Itself | proc.Names})
	}
	asked := make(map[int]bool)
	for _, pid := range slices.Concat(who, anew) {
		if asked[pid] {
			continue
		}
		asked[pid] = true
		p := w.processes[pid]
		if p == nil {
			continue
		}
		known := w.known[identityOf(p)]
		old := known == nil || known.execs != p.Execs || time.Since(known.at) > namesLast
		if !p.Kernel && p.NetNS != 0 && (old || again[pid]) {
			questions = append(questions, proc.Question{PID: pid, TID: p.Speaker, User: p.RealUID, What: proc.Names})
		}
	}
	for pid, a := range w.read(questions) {
		p := w.processes[pid]
		if p == nil {
			w.init = a.Process
			p = &listener.Process{PID: pid}
		}
		delete(w.holders, p)
		if !a.Gone {
			w.known[identityOf(p)] = &named{
				at: time.Now(), execs: p.Execs, exe: a.Exe, cmdline: a.Cmdline,
				cgroup: cgroupOf(a.Cgroups), container: container.In(a.Cgroups),
			}
		}
	}
}

func (w *Watcher) read(questions []proc.Question) map[int]proc.Answer {
	if len(questions) == 0 {
		return nil
	}
	if w.lastCensus.IsZero() {
		return w.opts.Reader.Read(questions, readForFirst)
	}
	if w.readFor <= 0 {
		return nil
	}
	began := time.Now()
	answers := w.opts.Reader.Read(questions, w.readFor)
	w.readFor -= time.Since(began)
	return answers
}

// forgetProcesses keeps those of processes that live: the pass was over all of them.
func (w *Watcher) forgetProcesses() {
	for id := range w.known {
		if p := w.processes[id.pid]; id.pid != 1 && (p == nil || p.Start != id.start) {
			delete(w.known, id)
		}
	}
	for id := range w.execs {
		if p := w.processes[id.pid]; p == nil || p.Start != id.start {
			delete(w.execs, id)
		}
	}
}

// holder describes a process that the last pass has told of: once for all its listeners.
func (w *Watcher) holder(p *listener.Process, image time.Duration) *listener.Holder {
	if h := w.holders[p]; h != nil {
		return h
	}
	h := &listener.Holder{
		PID: p.PID, NSPID: p.NSPID, Comm: p.Comm, UID: p.UID, User: w.users.Name(p.UID), PPID: p.PPID,
		Started: w.startedAt(p.Start), Start: p.Start, Image: image,
		State: p.State, Wchan: p.Wchan, Tracer: p.Tracer, Kernel: p.Kernel, NeverExec: p.NeverExec,
		Running: p.Running, Guest: p.Guest,
	}
	if p.PIDNS != 0 {
		h.PIDNS = listener.Known(p.PIDNS)
	}
	if n := w.known[identityOf(p)]; n != nil && n.execs == p.Execs { // of what it ran before nothing is told
		h.Exe, h.Cmdline, h.Cgroup, h.Container = n.exe, n.cmdline, n.cgroup, w.withNames(n.container)
	}
	w.holders[p] = h
	return h
}

// ownerNow is an owner as the last pass tells of it.
func (w *Watcher) ownerNow(old *listener.Owner, p *listener.Process) listener.Owner {
	o := *old
	o.Holder, o.Evidence = w.holder(p, old.Image), nil
	return o
}

// clockStep is what the wall clock must have been set by for a new time of boot to be taken:
// what is told of a process is not to change by what reading two clocks takes.
const clockStep = 100 * time.Millisecond

// startedAt turns ticks since boot into wall clock, right to a tick: the time of boot that
// /proc/stat gives is cut to a second, and births are compared with it.
func (w *Watcher) startedAt(ticks uint64) time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Time{}
	}
	boot := time.Now().Add(-time.Duration(ts.Nano())).Round(0)
	if boot.Sub(w.boot).Abs() > clockStep {
		w.boot = boot
	}
	return w.boot.Add(time.Duration(ticks) * listener.Tick)
}

// cgroupOf is one path to show and to match: that of the unified hierarchy, or
// of the controller that containers are told by on v1.
func cgroupOf(c proc.Cgroups) string {
	if c.V2 != "" && c.V2 != "/" {
		return c.V2
	}
	return cmp.Or(c.V1["pids"], c.V1["memory"], c.V1["name=systemd"], c.V2)
}
