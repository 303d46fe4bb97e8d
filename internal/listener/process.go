package listener

import "time"

// Process is one process as one pass over the tasks of the kernel read it.
type Process struct {
	PID       int // tgid in the init pid namespace, as all pids
	NSPID     int // in its innermost pid namespace
	PPID      int // 0 for none
	Session   int
	Tracer    int // the pid of the tracer of its leader, 0 for none
	Comm      string
	UID       uint32        // effective
	RealUID   uint32        // the user who started it: a set-user-ID program keeps that
	State     string        // of its leader, one letter as in /proc/PID/stat
	Wchan     string        // kernel function that its leader sleeps in; "" if it runs, or its stack was not read
	Start     uint64        // ticks since boot; with the pid it identifies a process
	Forked    time.Duration // the same, exactly, since boot
	Execs     uint64        // grows with each exec
	Kernel    bool          // it is a thread of the kernel's
	NeverExec bool          // it was forked and has executed nothing since (PF_FORKNOEXEC)

	// ThreadCount is how many threads it has, MemoryUsers how many threads of any process
	// share its memory. That is 0 for a kernel thread, and if its leader has ended.
	ThreadCount, MemoryUsers int
	Children                 int // how many live; counted for processes whose threads are read
	// Timers: an interval timer of real time is armed, or it has a POSIX timer.
	Timers Maybe[bool]

	// The inodes of the namespaces of the thread Speaker: that is the leader, unless it has
	// ended before others. 0: all threads have ended, and the process waits for its parent.
	NetNS, PIDNS, MountNS, UserNS uint32
	Cgroup                        uint64 // id in the unified hierarchy
	Speaker                       int

	Running File          // the file of its program; zero: not known
	Guest   Maybe[uint32] // as in [Holder]

	Frozen Maybe[bool] // a cgroup, v1 or v2, has frozen it or has begun to
	// Throttled is how long quotas have held back its cgroup and those above it, summed over
	// CPUs. Only its growth means anything.
	Throttled Maybe[time.Duration]
	Ended     Used // what threads that have ended used

	// Threads are those of a process that was asked for them, the leader first; not all if
	// it has thousands.
	Threads []Task
}

// File is one file of the host, whatever its path.
type File struct {
	Dev   uint32 // as stat() numbers it
	Inode uint64
}

// Ask says which processes a pass over the tasks reads.
type Ask struct {
	All     bool  // all processes, without stacks
	Some    []int // these processes, without stacks
	Leaders []int // these processes, with the stack of the leader
	Threads []int // these processes, with all their threads and their stacks
}

// Whole says that all its threads were read.
func (p *Process) Whole() bool { return len(p.Threads) > 0 && len(p.Threads) >= p.ThreadCount }

// Used is what threads used since they began.
type Used struct {
	Run          time.Duration // on a CPU
	User, System time.Duration // on a CPU, as sampled by the kernel's clock
	MajorFaults  uint64
	// IO counts read(), write() and similar calls, but not recv() and send(). It is unknown
	// without CONFIG_TASK_XACCT.
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
	// Start is since boot; with the id it identifies a thread.
	Start time.Duration
	Used  Used
	// Sched is unknown without CONFIG_SCHED_INFO.
	Sched Maybe[Sched]
	Wchan string
	Stack []string // kernel functions, innermost first; nil: not read
	// Call is the system call that it waits in; unknown if it runs, or is in none.
	Call Maybe[Call]
	// On is the thing that the first argument of Call is a descriptor of; unknown if it is
	// of none.
	On Maybe[Thing]
}

// Sched says how often a thread got a CPU, and how long it waited for one, in waits that
// have ended.
type Sched struct {
	Slices uint64
	Wait   time.Duration
}

// Call is a system call with its arguments.
type Call struct {
	Number int
	Args   [6]uint64
	Compat bool // the number and arguments are those of a 32-bit program
}
