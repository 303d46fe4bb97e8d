package listener

import "time"

// Process is one process as one pass over the tasks of the kernel saw it.
type Process struct {
	PID       int // tgid in the init pid namespace, as all pids
	NSPID     int // in its innermost pid namespace
	PPID      int // 0 for none
	Session   int
	Tracer    int // of its leader, 0 for none
	Comm      string
	UID       uint32        // effective
	RealUID   uint32        // who started it: a set-user-ID program keeps that
	State     string        // of its leader, one letter as in /proc/PID/stat
	Wchan     string        // kernel function that its leader sleeps in; "" when it runs, or nobody asked
	Start     uint64        // ticks since boot: beside the pid, its identity
	Forked    time.Duration // the same, exactly, since boot
	Execs     uint64        // grows with each exec
	Kernel    bool          // a thread of the kernel's
	NeverExec bool          // it was forked and has executed nothing since (PF_FORKNOEXEC)

	// Threads that it has, and that share its memory, in whatever process. The second
	// is 0 for a kernel thread, and for one whose leader has ended.
	ThreadCount, MemoryUsers int
	Children                 int // that live; of those whose threads are told
	// Timers: an interval timer of real time is armed, or it has a POSIX timer.
	Timers Maybe[bool]

	// Inodes of namespaces, those of the thread Speaker: the leader, unless that has
	// ended before others. 0: all have ended, and it waits for its parent.
	NetNS, PIDNS, MountNS, UserNS uint32
	Cgroup                        uint64 // id in the unified hierarchy
	Speaker                       int

	Running File          // the file of its program; zero: not known
	Guest   Maybe[uint32] // as [Owner] has it

	Frozen Maybe[bool] // by a cgroup, v1 or v2, or just being so
	// Throttled is how long quotas held its cgroup and those above it back, summed over
	// CPUs: that it grows is what it tells.
	Throttled Maybe[time.Duration]
	Ended     Used // by threads that have ended

	// Threads, the leader first, where that was asked; of a process with thousands not all.
	Threads []Task
}

// File is one file of the host, whatever its path: what inode numbers mean differs with
// the device.
type File struct {
	Dev   uint32 // as stat() numbers it
	Inode uint64
}

// Ask says of whom a pass over the tasks tells.
type Ask struct {
	All     bool  // every process, without stacks
	Some    []int // these, without stacks
	Leaders []int // these, with the stack of the leader
	Threads []int // these, with all their threads and the stacks of them
}

// Whole says that all its threads are told.
func (p *Process) Whole() bool { return len(p.Threads) > 0 && len(p.Threads) >= p.ThreadCount }

// Used is what threads used since they began.
type Used struct {
	Run          time.Duration // on a CPU
	User, System time.Duration // the same, as sampled by the kernel's clock
	MajorFaults  uint64
	// Bytes and calls of read(), write() and their like; what passed by recv() and
	// send() is not in them. Unknown without CONFIG_TASK_XACCT.
	IO Maybe[IO]
}

// IO counts reads and writes, failed calls too.
type IO struct{ ReadBytes, WrittenBytes, ReadCalls, WriteCalls uint64 }

// Task is one thread at one moment.
type Task struct {
	TID    int
	Comm   string
	State  string
	Tracer int // 0: nobody traces it
	// Start is since boot: beside the id, the identity of a thread.
	Start time.Duration
	Used  Used
	// Sched is unknown without CONFIG_SCHED_INFO.
	Sched Maybe[Sched]
	Wchan string
	Stack []string // kernel functions, innermost first; nil: not read
	// Call is the system call that it waits in; unknown where it runs, or is in none.
	Call Maybe[Call]
	// On is what the first argument of that is a descriptor of; unknown where it is of
	// nothing that is told of.
	On Maybe[Thing]
}

// Sched says how often a thread got a CPU, and how long it waited for one: of waits
// that have ended.
type Sched struct {
	Slices uint64
	Wait   time.Duration
}

// Call is a system call with its arguments.
type Call struct {
	Number int
	Args   [6]uint64
	Compat bool // its number and arguments are those of a 32-bit program
}
