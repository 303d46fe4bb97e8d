package listener

import "time"

// Evidence is what was found out about one owner of a suspected listener. It
// is gathered from the suspicion on, never on the hot path.
type Evidence struct {
	Usage   Maybe[Usage] // unknown until a second look
	Threads []Thread     // leader first; not all of a process with hundreds
	Total   int          // threads there are
	Frozen  Maybe[bool]  // by a cgroup, v1 or v2
	// Registered: some epoll set of it has the listener, as /proc/PID/fdinfo
	// tells; it cross-checks the walk of the wait queue, which is lockless.
	Registered Maybe[bool]
	FilesFull  Maybe[bool] // it can open no further descriptor
	Parents    []Parent    // nearest first, now
	TracerComm string
	// Unreadable: /proc was asked about it and did not answer in time.
	Unreadable bool
	Holds      Maybe[Holds]
	Locks      Maybe[[]Lock] // that it waits for
	Life       Maybe[Life]   // unknown until it was looked at twice
}

// Holds counts what a process holds beside the listener, each thing once.
type Holds struct {
	Listeners     int `json:"listeners"` // TCP and MPTCP, the suspect among them
	Connections   int `json:"connections"`
	UDP           int `json:"udp"`
	Unix          int `json:"unix"`
	UnixListeners int `json:"unix_listeners"` // of them
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
		case ThingSocket, ThingOther: // told of for what they leave unknown, or for O_ASYNC
		}
	}
	return h
}

// Lock is a lock on a file that a process waits for.
type Lock struct {
	Kind   string `json:"kind"`   // FLOCK, POSIX or OFDLCK
	Holder int    `json:"holder"` // pid; -1 where the kernel does not tell
}

// Usage is what a process did between the first look of the suspicion and now.
type Usage struct {
	Over         time.Duration
	User, System time.Duration // CPU
	MajorFaults  uint64
	IOBytes      uint64  // read and written, wake-ups through eventfds and pipes left out
	SocketBytes  uint64  // that it read from its connections and wrote to them, by whatever call
	RunnableWait float64 // share of the time in which its threads waited for a CPU, or wait still
	Throttled    bool    // its cgroup had used up its CPU quota
}

// Progress means growing I/O, of files or of connections, or major faults, or at least 1 % CPU of which some is
// system time. Context switches alone are none: a runtime's poller wakes at
// every SYN and accepts nothing.
func (u Usage) Progress() bool {
	return u.IOBytes > 0 || u.SocketBytes > 0 || u.MajorFaults > 0 || !u.userAlone() && u.cpu() >= u.Over/100
}

// Spinning means at least half a CPU, all of it in user time.
func (u Usage) Spinning() bool { return u.Over > 0 && u.userAlone() && u.cpu() >= u.Over/2 }

func (u Usage) cpu() time.Duration { return u.User + u.System }

// userAlone allows a hundredth of system time: the kernel books the interrupts
// that meet a running process on it.
func (u Usage) userAlone() bool { return u.System <= u.cpu()/100 }

// Starved means that it waited for a CPU for a tenth of the time, and got little of one:
// less than it waited, and less than half of one. Or it was throttled.
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
	// Tracer is the pid of who traces this thread, 0 for nobody.
	Tracer int `json:"tracer,omitempty"`
	// Syscall is the number of the system call that it waits in.
	Syscall Maybe[int] `json:"syscall"`
	Stack   []string   `json:"stack"` // kernel functions, innermost first
}

// Parent is a process up the chain.
type Parent struct {
	PID  int    `json:"pid"`
	Comm string `json:"comm"`
	UID  uint32 `json:"uid"`
}
