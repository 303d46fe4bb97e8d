package listener

import "time"

// For is what a thread waits for.
type For string

// What threads wait for. [DeadEnds] says of which of these it is a dead end, and when.
const (
	ForFIFO    For = "fifo"    // the other side of a FIFO that it opens
	ForReader  For = "reader"  // room in a pipe
	ForFutex   For = "futex"   // a private futex, without a timeout
	ForData    For = "data"    // something to read
	ForFUSE    For = "fuse"    // the answer of a FUSE server
	ForSignal  For = "signal"  // pause, sigsuspend, sigwait
	ForTimer   For = "timer"   // time, whatever else
	ForChild   For = "child"   // a child
	ForLock    For = "lock"    // a lock on a file
	ForNetFS   For = "nfs"     // a network file system
	ForDisk    For = "disk"    // a disk
	ForEvents  For = "events"  // epoll, poll or select of several things
	ForOne     For = "one"     // poll or select of one thing
	ForClients For = "clients" // accept
	ForUnknown For = "unknown" // a wait that is none of these, or cannot be read
	ForNothing For = "nothing" // it is runnable, or in its own code
)

// Wait is what threads of a process wait for, and who could end it.
type Wait struct {
	For     For
	Threads int    // that wait so
	Call    string // the system call, "" if it could not be read
	Wchan   string
	// Pipe or socket that it is about, "" for none: "a pipe", "a TCP connection".
	Thing string
	// Ends are the processes at the other end: that hold the other ends of what is read
	// or written, or the lock. AllEnds: there are no others. Itself among them is left out.
	Ends    []End
	AllEnds bool
	// Still is for how long the other side of a pipe has taken nothing, as observed.
	Still time.Duration
}

// End is a process at the other end of a wait, and what the chain of waits that begins
// there ends in.
type End struct {
	PID  int
	Comm string
	// Halted: it, or somebody whom it waits for, is stopped, traced or frozen.
	Halted bool
	// Then is what the end of the chain waits for, if it stands still: ForTimer or
	// ForChild; ForNothing where it runs, or serves, or that is not known.
	Then For
}

// DeadEndRow is a wait that nothing alive will end, if what If says holds.
type DeadEndRow struct {
	For  For
	Wait string // in a table
	If   string
}

// DeadEnds is the table of all waits that may be dead ends. All others count as a wait
// for somebody alive.
func DeadEnds() []DeadEndRow {
	return []DeadEndRow{
		{ForFIFO, "open of a FIFO", "nobody has the other side open"},
		{ForReader, "write to a pipe", "it was not read from all the time, all who hold a read end are known, and none of them is stopped, traced or frozen"},
		{ForFutex, "a private futex without a timeout", "always, by the rule for the whole process"},
		{ForData, "read or recv", "nobody but the process itself holds the other end"},
		{ForFUSE, "an answer of a FUSE server", "none came all the time"},
		{ForSignal, "pause, sigsuspend, sigwait without a timeout", "always, by the rule for the whole process"},
	}
}

// DeadEndRule is what must hold of a process beside the waits of its threads.
const DeadEndRule = "every thread is at one, kinds may mix; it has no living child, no armed interval or POSIX timer, no descriptor with O_ASYNC, no io_uring, and nobody else shares its memory"

// Liftable says that --allow-waiting lets a wait pass as no sign of life: a silent peer,
// a lock, a file system that may come back. Never a timer, a living child, or somebody
// who is stopped, traced or frozen, at whatever end of the chain.
func (w *Wait) Liftable() bool {
	switch w.For {
	case ForData, ForReader, ForLock, ForNetFS, ForDisk, ForFUSE:
	default:
		return false
	}
	for _, e := range w.Ends {
		if e.Halted || e.Then == ForTimer || e.Then == ForChild {
			return false
		}
	}
	return true
}
