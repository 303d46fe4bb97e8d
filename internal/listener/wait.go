package listener

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// For is what a thread waits for.
type For string

// What threads wait for. [DeadEnds] says of which of these it is a dead end, and when.
const (
	ForFIFO    For = "fifo"    // the other side of a FIFO that it opens
	ForReader  For = "reader"  // room in a pipe
	ForFutex   For = "futex"   // a private futex, without a timeout
	ForData    For = "data"    // something to read
	ForPeer    For = "peer"    // room to send, or something else that the peer must do
	ForFUSE    For = "fuse"    // the answer of a FUSE server
	ForSignal  For = "signal"  // pause, sigsuspend, sigwait
	ForTimer   For = "timer"   // time to pass, whatever else
	ForChild   For = "child"   // a child
	ForLock    For = "lock"    // a lock on a file
	ForNetFS   For = "nfs"     // a network file system
	ForDisk    For = "disk"    // a disk
	ForEvents  For = "events"  // epoll, poll or select of several things
	ForOne     For = "one"     // poll or select of one thing
	ForClients For = "clients" // accept
	ForUnknown For = "unknown" // a wait that is none of these, or cannot be read
	ForSIGCONT For = "sigcont" // to be continued: it is stopped, or a tracer has it
	ForNothing For = "nothing" // it is runnable, or in its own code
)

// Wait is what threads of a process wait for, and who could end it.
type Wait struct {
	For     For
	Threads int    // how many wait so
	Call    string // the system call, "" if it could not be read
	Wchan   string
	// Thing is what they read, write or poll, "" for none. Client: it is a connection of the
	// listener's own port.
	Thing  ThingKind
	Client bool
	// Ends are the other processes that hold the other end of the thing, or the lock.
	// AllEnds: there are no more of them.
	Ends    []End
	AllEnds bool
	// Still is for how long nobody has read from the pipe, as observed.
	Still time.Duration
}

// End is a process at the other end of a wait, and how the chain of waits that begins there
// ends.
type End struct {
	PID  int
	Comm string
	// Halted: it, or somebody that it waits for, is stopped, traced or frozen.
	Halted bool
	// Then is what the end of the chain waits for, if that stands still: ForTimer or
	// ForChild. It is ForNothing if that runs or serves, or it is not known.
	Then For
}

// DeadEndRow is a wait that nothing alive will end, if its condition holds.
type DeadEndRow struct {
	For  For
	Wait string // in a table
	If   string // the condition, in a table
	is   func(*Wait) bool
}

// DeadEnds is the table of all waits that may be dead ends. All others count as a wait
// for somebody alive.
func DeadEnds() []DeadEndRow {
	return []DeadEndRow{
		{ForFIFO, "open of a FIFO", "nobody has the other side open", always},
		{ForReader, "write to a pipe", "it was not read from all the time, all who hold a read end are known, and none of them is stopped, traced or frozen", (*Wait).unread},
		{ForFutex, "a private futex without a timeout", "always, by the rule for the whole process", always},
		{ForData, "read or recv", "nobody but the process itself holds the other end", (*Wait).ownEnd},
		{ForFUSE, "an answer of a FUSE server", "none came all the time", always},
		{ForSignal, "pause, sigsuspend, sigwait without a timeout", "always, by the rule for the whole process", always},
	}
}

// DeadEndRule is what must hold for a process beside the waits of its threads.
const DeadEndRule = "every thread is at one, kinds may mix; it has no living child, no armed interval or POSIX timer, no descriptor with O_ASYNC, no io_uring, and nobody else shares its memory"

// Liftable says that --allow-waiting lets a wait pass as no sign of life: a silent peer,
// a lock, a file system that may come back. Never a timer, a living child, or somebody
// who is stopped, traced or frozen, at whatever end of the chain.
func (w *Wait) Liftable() bool {
	switch w.For {
	case ForNetFS, ForDisk, ForFUSE:
		return true
	case ForData, ForReader, ForLock:
	default:
		return false
	}
	// The other end of a connection may be on any host; all other holders must be known.
	if !w.AllEnds && w.Thing != ThingConnection {
		return false
	}
	return !slices.ContainsFunc(w.Ends, func(e End) bool { return e.Halted || e.Then == ForTimer || e.Then == ForChild })
}

// DeadEnd says that a wait is one of the table, and that its condition holds.
func (w *Wait) DeadEnd() bool {
	for _, row := range DeadEnds() {
		if row.For == w.For {
			return row.is(w)
		}
	}
	return false
}

func always(*Wait) bool { return true }

// unread says that all who could read from the pipe are known and able to, and do not.
func (w *Wait) unread() bool {
	return w.Still > 0 && w.AllEnds && !w.halted()
}

// ownEnd says that nobody but the process itself holds the other end.
func (w *Wait) ownEnd() bool { return w.AllEnds && len(w.Ends) == 0 }

func (w *Wait) halted() bool {
	return slices.ContainsFunc(w.Ends, func(e End) bool { return e.Halted })
}

// String says in a few words what is waited for, and for whom.
func (w *Wait) String() string {
	words := map[For]string{
		ForFIFO: "opens a FIFO", ForReader: "writes to " + w.thing(), ForFutex: "a private futex", ForData: "reads from " + w.thing(),
		ForPeer: "waits for the other end of " + w.thing(), ForFUSE: "a FUSE server that does not answer", ForSignal: "waits for a signal", ForTimer: "a timer",
		ForChild: "a child", ForLock: "a lock on a file", ForNetFS: "a network file system", ForDisk: "a disk", ForEvents: "polls",
		ForOne: "polls one thing", ForClients: "waits in accept", ForSIGCONT: "is stopped", ForNothing: "runs", ForUnknown: "not known",
	}
	s := words[w.For]
	if w.For == ForUnknown && w.Wchan != "" {
		s += " (" + w.Wchan + ")"
	}
	for i, e := range w.Ends {
		if i == 3 {
			s += fmt.Sprintf(" and %d more", len(w.Ends)-i)
			break
		}
		s += fmt.Sprintf(", pid %d (%s)", e.PID, e.Comm)
		switch {
		case e.Halted:
			s += " stopped"
		case e.Then == ForTimer:
			s += " on a timer"
		case e.Then == ForChild:
			s += " with a child"
		}
	}
	if w.Threads > 1 {
		s = fmt.Sprintf("%d threads: %s", w.Threads, s)
	}
	return s
}

func (w *Wait) thing() string { return cmp.Or(w.Thing.Words(), "something") }

// Words gives the words for a thing of a kind in a sentence, "" for none.
func (k ThingKind) Words() string {
	return map[ThingKind]string{
		ThingPipe: "a pipe", ThingUnix: "a unix socket", ThingConnection: "a TCP connection", ThingUDP: "a UDP socket",
		ThingListener: "a listener", ThingEpoll: "an epoll set", ThingRing: "an io_uring", ThingSocket: "a socket",
	}[k]
}
