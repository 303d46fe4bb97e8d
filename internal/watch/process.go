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

// readFor is how long the reader of /proc may take for all questions of one look together,
// readForFirst for those of the first. Unanswered ones are asked again.
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

// namesLast is how long an answer of /proc holds without a reason to ask again: a process
// may write a title over its arguments, or be moved to another cgroup.
const namesLast = time.Minute

// named is what /proc said about the identity of a process. It holds until the process
// executes another program.
type named struct {
	at        time.Time
	execs     uint64
	exe       string
	cmdline   []string // secrets are masked
	cgroup    string
	container *listener.Container
}

// population is the processes of the host: who was there at the last pass over the tasks,
// and what /proc said of who they are.
type population struct {
	src    Source
	reader Reader
	names  Names
	users  *proc.Users
	boot   time.Time // when the host booted

	met     map[int]*listener.Process              // by the last pass
	holders map[*listener.Process]*listener.Holder // describes those of them that listeners share
	known   map[identity]*named
	execs   map[identity]uint64 // how often owners had executed a program when first seen
	init    proc.Process        // pid 1, which some passes do not read
	readFor time.Duration       // how much time of this look the reader has left
}

func newPopulation(src Source, reader Reader, names Names) population {
	return population{
		src: src, reader: reader, names: names,
		users:   proc.NewUsers("/etc/passwd"),
		holders: make(map[*listener.Process]*listener.Holder),
		known:   make(map[identity]*named),
		execs:   make(map[identity]uint64),
		readFor: readForFirst,
	}
}

// pass passes over the tasks, and asks /proc who these processes are, unless that
// is known; about the processes in anew it asks in any case.
func (ps *population) pass(ask listener.Ask, who, anew []int) error {
	met, err := ps.src.Processes(ask)
	if err != nil {
		return err
	}
	ps.met, ps.holders = met, make(map[*listener.Process]*listener.Holder)
	if err := ps.lent(ask.Threads); err != nil {
		return err
	}
	ps.identify(who, anew)
	return nil
}

// lentAsks is how often the kernel is asked how many users a memory has. Somebody who reads
// a command line in /proc is one for some microseconds.
const lentAsks = 4

// lent tells memory that is shared from memory that is lent: a reader of /proc, such as ps,
// counts as a user of the memory of a process while it reads about that.
func (ps *population) lent(pids []int) error {
	for range lentAsks {
		var shared []int
		for _, pid := range pids {
			if p := ps.met[pid]; p != nil && p.MemoryUsers > p.ThreadCount {
				shared = append(shared, pid)
			}
		}
		if len(shared) == 0 {
			return nil
		}
		again, err := ps.src.Processes(listener.Ask{Some: shared})
		if err != nil {
			return err
		}
		for _, pid := range shared {
			if now, p := again[pid], ps.met[pid]; now != nil && now.Start == p.Start {
				p.MemoryUsers = min(p.MemoryUsers, now.MemoryUsers)
			}
		}
	}
	return nil
}

// identify asks /proc who processes are, and who the init is: in our own pid namespace some
// kernels hide it from the pass, and everybody descends from it.
func (ps *population) identify(who, anew []int) {
	again := make(map[int]bool, len(anew))
	for _, pid := range anew {
		again[pid] = true
	}
	var questions []proc.Question
	if ps.met[1] == nil && ps.known[identity{pid: 1}] == nil {
		questions = append(questions, proc.Question{PID: 1, What: proc.Itself | proc.Names})
	}
	asked := make(map[int]bool)
	for _, pid := range slices.Concat(who, anew) {
		if asked[pid] {
			continue
		}
		asked[pid] = true
		p := ps.met[pid]
		if p == nil {
			continue
		}
		known := ps.known[identityOf(p)]
		old := known == nil || known.execs != p.Execs || time.Since(known.at) > namesLast
		if !p.Kernel && p.NetNS != 0 && (old || again[pid]) {
			questions = append(questions, proc.Question{PID: pid, TID: p.Speaker, User: p.RealUID, What: proc.Names})
		}
	}
	for pid, a := range ps.ask(questions) {
		p := ps.met[pid]
		if p == nil {
			ps.init = a.Process
			p = &listener.Process{PID: pid}
		}
		delete(ps.holders, p)
		if !a.Gone {
			ps.known[identityOf(p)] = &named{
				at: time.Now(), execs: p.Execs, exe: a.Exe, cmdline: a.Cmdline,
				cgroup: cgroupOf(a.Cgroups), container: container.In(a.Cgroups),
			}
		}
	}
}

// ask puts questions to the reader, for as long as this look has time for it.
func (ps *population) ask(questions []proc.Question) map[int]proc.Answer {
	if len(questions) == 0 {
		return nil
	}
	if ps.readFor <= 0 {
		return nil
	}
	began := time.Now()
	answers := ps.reader.Read(questions, ps.readFor)
	ps.readFor -= time.Since(began)
	return answers
}

// noteExecs remembers how often these had executed a program when they were first seen.
func (ps *population) noteExecs(pids []int) {
	for _, pid := range pids {
		if p := ps.met[pid]; p != nil {
			if _, seen := ps.execs[identityOf(p)]; !seen {
				ps.execs[identityOf(p)] = p.Execs
			}
		}
	}
}

// forget drops what is known of processes that have ended: the last pass read all.
func (ps *population) forget() {
	for id := range ps.known {
		if p := ps.met[id.pid]; id.pid != 1 && (p == nil || p.Start != id.start) {
			delete(ps.known, id)
		}
	}
	for id := range ps.execs {
		if p := ps.met[id.pid]; p == nil || p.Start != id.start {
			delete(ps.execs, id)
		}
	}
}

// holder describes a process that the last pass read, once for all its listeners.
func (ps *population) holder(p *listener.Process, image time.Duration) *listener.Holder {
	if h := ps.holders[p]; h != nil {
		return h
	}
	h := &listener.Holder{
		PID: p.PID, NSPID: p.NSPID, Comm: p.Comm, UID: p.UID, User: ps.users.Name(p.UID), PPID: p.PPID,
		Started: ps.startedAt(p.Start), Start: p.Start, Image: image,
		State: p.State, Wchan: p.Wchan, Tracer: p.Tracer, Kernel: p.Kernel, NeverExec: p.NeverExec,
		Running: p.Running, Guest: p.Guest,
	}
	if p.PIDNS != 0 {
		h.PIDNS = listener.Known(p.PIDNS)
	}
	if n := ps.known[identityOf(p)]; n != nil && n.execs == p.Execs { // else the answer is about the program that it ran before
		h.Exe, h.Cmdline, h.Cgroup, h.Container = n.exe, n.cmdline, n.cgroup, ps.withNames(n.container)
	}
	ps.holders[p] = h
	return h
}

// ownerNow gives an owner as the last pass read it.
func (ps *population) ownerNow(old *listener.Owner, p *listener.Process) listener.Owner {
	o := *old
	o.Holder, o.Evidence = ps.holder(p, old.Image), nil
	return o
}

// clockStep is by how much the wall clock must have been set before the time of boot is
// corrected: start times must not change by the time between reading two clocks.
const clockStep = 100 * time.Millisecond

// startedAt turns ticks since boot into wall clock, right to a tick, for births are compared
// with it: the time of boot in /proc/stat is cut to a second.
func (ps *population) startedAt(ticks uint64) time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Time{}
	}
	boot := time.Now().Add(-time.Duration(ts.Nano())).Round(0)
	if boot.Sub(ps.boot).Abs() > clockStep {
		ps.boot = boot
	}
	return ps.boot.Add(time.Duration(ticks) * listener.Tick)
}

// cgroupOf gives one path to show and to match: that of the unified hierarchy, or on v1
// that of a controller by which containers are recognised.
func cgroupOf(c proc.Cgroups) string {
	if c.V2 != "" && c.V2 != "/" {
		return c.V2
	}
	return cmp.Or(c.V1["pids"], c.V1["memory"], c.V1["name=systemd"], c.V2)
}
