package listener

import "time"

// Life is what look after look saw of a process while a listener of it was suspected.
// Durations are observed time: a look adds an interval at the most.
type Life struct {
	Followed time.Duration // for how long it has been followed
	// Inert is for how long no thread of it has got a time slice, none has been runnable,
	// and each has stood in the same wait; unknown if the kernel does not count slices, or
	// not all threads were read.
	Inert  Maybe[time.Duration]
	Slices uint64 // time slices that its threads got while it was followed

	Moved  Shown // it moved bytes: its files, its TCP connections, its calls on other sockets
	Served Shown // it accepted or received on something else
	Polled Shown // a thread slept in epoll, poll or select of several things
	Alive  Shown // a thread waited for somebody alive, or it is not known for what
	Asked  Shown // a thread waited for what --allow-waiting lifts: a silent peer, a lock, a file system
	Ran    Shown // a thread ran in a look, so that it is not known what it would wait for

	Waits []Wait // by the last look; not all of a process with thousands of threads

	// These keep a process whose threads are all at dead ends from being at one.
	Children     int         // how many children live
	Timers       Maybe[bool] // an interval or POSIX timer is armed
	Async        Maybe[bool] // a descriptor of it has O_ASYNC
	SharesMemory Maybe[bool] // another process shares its memory
	Rings        Maybe[bool] // it holds an io_uring
	Execs        Maybe[int]  // how often it was seen to execute another program

	Calls Maybe[Calls] // unknown if they are not watched, as those of inert processes
	// Refused counts its accept() calls on this listener that failed.
	Refused Refusal
}

// Shown is whether something has been seen since the process is followed.
type Shown struct {
	Known bool // at least two looks could have seen it
	// Ago is how long ago it was seen last; unknown: it never was.
	Ago  Maybe[time.Duration]
	What string // what it was
	// Gap is how long ago a look last could not have seen it; unknown: all could.
	Gap Maybe[time.Duration]
}

// Calls is what the system calls of a process have done since they are watched.
type Calls struct {
	Over     time.Duration // for how long they have been watched
	Total    uint64        // calls that returned
	Received uint64        // bytes, by recv() and similar calls
	Sent     uint64        // bytes, by send() and similar calls
	Accepted uint64        // connections, on all listeners
	Refused  map[Key]Refusal
}

// Refusal is how accept() failed on one listener.
type Refusal struct {
	N     uint64
	Errno int // of the last time
}

// Within says whether something has been seen in the last d; unknown if some look in that
// time could not have seen it.
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

// Alone says that nothing could wake a process but an end of its threads' waits.
func (l *Life) Alone() bool {
	return l.Children == 0 && !l.Timers.Or(true) && !l.Async.Or(true) && !l.SharesMemory.Or(true) && !l.Rings.Or(true)
}
