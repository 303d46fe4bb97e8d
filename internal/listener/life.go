package listener

import "time"

// Life is what showed of a process, look after look, while a listener of it was
// suspected. Durations are observed ones: a look adds an interval at the most.
type Life struct {
	Followed time.Duration // that it was looked at
	// Inert is for how long up to now no thread of it got a time slice, none was runnable,
	// and each stood in the same wait; unknown where the kernel does not count slices, or
	// not all threads were told of.
	Inert  Maybe[time.Duration]
	Slices uint64 // time slices that its threads got while it was followed

	Moved  Shown // it moved bytes: its files, its TCP connections, its calls on other sockets
	Served Shown // it accepted or received on something else
	Polled Shown // a thread slept in epoll, poll or select of several things
	Alive  Shown // a thread waited for somebody alive, or nobody knows for what
	Asked  Shown // the same of what --allow-waiting lifts: a silent peer, a lock, a file system
	Ran    Shown // a thread ran in a look, so that nobody knows what it would wait for

	Waits []Wait // by the last look; of a process with thousands of threads not all

	// What keeps a process whose threads are all at dead ends from being at one.
	Children     int         // that live
	Timers       Maybe[bool] // an interval or POSIX timer is armed
	Async        Maybe[bool] // a descriptor with O_ASYNC
	SharesMemory Maybe[bool] // another process shares its memory
	Rings        Maybe[bool] // it holds an io_uring
	Execs        Maybe[int]  // times that it was seen to execute another program

	Calls Maybe[Calls] // unknown where they could not be watched; not asked of one that is inert
	// Refused are its accept() calls on this listener that failed, by the last errno.
	Refused Refusal
}

// Shown is whether something has shown since a process is followed.
type Shown struct {
	Known bool // it was looked for, at least twice
	// Ago is how long ago it showed last, as observed; unknown: it never has.
	Ago  Maybe[time.Duration]
	What string // what it was
	// Gap is how long ago it could not be looked for, last; unknown: it always could.
	Gap Maybe[time.Duration]
}

// Calls are what system calls of a process did since they are watched.
type Calls struct {
	Over     time.Duration // that they are watched
	Total    uint64        // calls that returned
	Received uint64        // bytes, by recv() and its like
	Sent     uint64        // bytes, by send() and its like
	Accepted uint64        // connections, on whatever listener
	Refused  map[Key]Refusal
}

// Refusal is how accept() failed on one listener.
type Refusal struct {
	N     uint64
	Errno int // of the last time
}

// Within says whether something has shown in the last d; unknown where nobody could look
// all the time.
func (s *Shown) Within(d time.Duration) Maybe[bool] {
	if ago, known := s.Ago.Get(); known && ago < d {
		return Known(true)
	}
	if gap, was := s.Gap.Get(); !s.Known || was && gap < d {
		return Maybe[bool]{}
	}
	return Known(false)
}

// AtDeadEnds says that nothing alive will end the wait of any thread, and that nothing
// else will wake the process: [DeadEndRule].
func (l *Life) AtDeadEnds() bool {
	for i := range l.Waits {
		if !l.Waits[i].DeadEnd() {
			return false
		}
	}
	return len(l.Waits) > 0 && l.Alone()
}

// Alone says that nothing beside its threads' waits could wake a process.
func (l *Life) Alone() bool {
	return l.Children == 0 && !l.Timers.Or(true) && !l.Async.Or(true) && !l.SharesMemory.Or(true) && !l.Rings.Or(true)
}
