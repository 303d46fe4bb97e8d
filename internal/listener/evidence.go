package listener

import "time"

// Evidence is what was found out about one owner of a suspected listener. It is gathered
// once the suspicion is there, never on the hot path.
type Evidence struct {
	Usage   Maybe[Usage] // unknown until a second look
	Threads []Thread     // leader first; not all of a process with hundreds
	Total   int          // how many threads there are
	Frozen  Maybe[bool]  // by a cgroup, v1 or v2
	// Registered: some epoll set of it has the listener, as /proc/PID/fdinfo
	// tells; it cross-checks the walk of the wait queue, which is lockless.
	Registered Maybe[bool]
	FilesFull  Maybe[bool] // it can open no further descriptor
	Parents    []Parent    // the processes above it now, nearest first
	TracerComm string
	// Unreadable: /proc did not answer about it in time.
	Unreadable bool
	Holds      Maybe[Holds]
	Locks      Maybe[[]Lock] // the locks that it waits for
	Life       Maybe[Life]   // unknown until the second look
}

// Holds counts what a process holds beside the listener, each thing once.
type Holds struct {
	Listeners     int `json:"listeners"` // TCP and MPTCP, the suspect among them
	Connections   int `json:"connections"`
	UDP           int `json:"udp"`
	Unix          int `json:"unix"`
	UnixListeners int `json:"unix_listeners"` // those of Unix that listen
	Pipes         int `json:"pipes"`
	EpollSets     int `json:"epoll_sets"`
	Rings         int `json:"io_urings"`
}

// HoldsOf counts things of one process.
func HoldsOf(things []Thing) Holds {
	var h Holds
	for i := range things {
		switch things[i].Kind {
		case ThingListener:
			h.Listeners++
		case ThingConnection:
			h.Connections++
		case ThingUDP:
			h.UDP++
		case ThingUnix:
			h.Unix++
			if things[i].Listening {
				h.UnixListeners++
			}
		case ThingPipe:
			h.Pipes++
		case ThingEpoll:
			h.EpollSets++
		case ThingRing:
			h.Rings++
		case ThingSocket, ThingOther: // they matter only to signs of life
		}
	}
	return h
}

// Lock is a lock on a file that a process waits for.
type Lock struct {
	Kind   string `json:"kind"`   // FLOCK, POSIX or OFDLCK
	Holder int    `json:"holder"` // pid; -1 where the kernel does not tell
}

// Usage is what a process has done since the first look of the suspicion.
type Usage struct {
	Over         time.Duration
	User, System time.Duration // CPU
	MajorFaults  uint64
	IOBytes      uint64  // read and written, wake-ups through eventfds and pipes left out
	SocketBytes  uint64  // read from its connections and written to them, by whatever call
	RunnableWait float64 // for what share of the time its threads have waited for a CPU
	Throttled    bool    // its cgroup had used up its CPU quota
}

// Progress means I/O on files or connections, major faults, or at least 1 % CPU of which some
// is system time. Context switches alone are no progress: the poller of a runtime wakes at
// every SYN and accepts nothing.
func (u Usage) Progress() bool {
	return u.IOBytes > 0 || u.SocketBytes > 0 || u.MajorFaults > 0 || !u.userAlone() && u.cpu() >= u.Over/100
}

// Spinning means at least half a CPU, all of it in user time.
func (u Usage) Spinning() bool { return u.Over > 0 && u.userAlone() && u.cpu() >= u.Over/2 }

func (u Usage) cpu() time.Duration { return u.User + u.System }

// userAlone says that at most a hundredth was system time: the kernel books interrupts on
// the process that they interrupt.
func (u Usage) userAlone() bool { return u.System <= u.cpu()/100 }

// Starved means that it was throttled, or that it waited for a CPU for a tenth of the time
// and got little of one: less than it waited, and less than half of one.
func (u Usage) Starved() bool {
	waited := time.Duration(u.RunnableWait * float64(u.Over))
	return u.Throttled || u.RunnableWait >= 0.1 && u.cpu() < waited && u.cpu() < u.Over/2
}

// Thread of a process.
type Thread struct {
	TID   int    `json:"tid"`
	Comm  string `json:"comm"`
	State string `json:"state"`
	Wchan string `json:"wchan"`
	// Tracer is the pid of the process that traces this thread, 0 for none.
	Tracer int `json:"tracer,omitempty"`
	// Syscall is the number of the system call that it waits in.
	Syscall Maybe[int] `json:"syscall"`
	Stack   []string   `json:"stack"` // kernel functions, innermost first
}

// Parent is a process above another one.
type Parent struct {
	PID  int    `json:"pid"`
	Comm string `json:"comm"`
	UID  uint32 `json:"uid"`
}
