package listener

import (
	"cmp"
	"net/netip"
	"reflect"
	"time"
)

// Protocol of a listener.
type Protocol string

// A listener speaks TCP, or MPTCP on top of it.
const (
	TCP   Protocol = "tcp"
	MPTCP Protocol = "mptcp"
)

// Listener is a socket in TCP_LISTEN, whoever holds it, as a snapshot shows
// it. It is never changed once it is in one.
type Listener struct {
	Sample
	NetnsName    string // under /run/netns, "" for none
	GroupName    string // "NETNS/FAMILY/ADDR:PORT", "" if it has no group
	Accepted     Count
	CountedSince Rare[time.Time]
	LastAccept   Rare[time.Time] // right to one interval
	// AcceptedAmong is when one of several members of the group accepted: this one, or
	// another one with the same time, and nobody knows which.
	AcceptedAmong Rare[time.Time]
	FirstSeen     time.Time
	// BornSinceBoot is ListenedAt by the clock of process starts; unknown if that is.
	BornSinceBoot Rare[time.Duration]
	Share         Rare[float64] // of the group's new connections in the last minute
	Caller        Rare[Caller]
	Window        Window
	Owners        []Owner
	// Acceptors are the processes that were seen to wait on it while nothing was wrong
	// with it, and that still live.
	Acceptors   []Acceptor
	OwnersKnown bool // false: no census since it was born
	// SeenWaiting: some look at it saw somebody wait on it, in whatever way.
	SeenWaiting bool
}

// Acceptor is a process that waited on a listener.
type Acceptor struct {
	PID   int
	Start uint64 // ticks since boot
}

// Protocol says tcp or mptcp.
func (l *Listener) Protocol() Protocol {
	if l.MPTCP {
		return MPTCP
	}
	return TCP
}

// Port is the local port.
func (l *Listener) Port() uint16 { return l.Local.Port() }

// Grouped says that a listener may have siblings.
func (l *Listener) Grouped() bool { return l.Group != 0 && l.Reuseport && l.GroupSize > 1 }

// SameOwners says that the same processes hold a and b.
func SameOwners(a, b *Listener) bool {
	if len(a.Owners) != len(b.Owners) {
		return false
	}
	for i := range a.Owners {
		if a.Owners[i].PID != b.Owners[i].PID || a.Owners[i].Start != b.Owners[i].Start {
			return false
		}
	}
	return true
}

// Caller is who called listen(), as it was then.
type Caller struct {
	PID     int
	UID     uint32
	Comm    string
	Parents []Parent
}

// Window is what was seen of one head of the queue since its first sample.
type Window struct {
	Since    time.Time     // the first sample of this head
	Observed time.Duration // each sample adds one interval at the most: a paused agent proves nothing
	Samples  int32
	// In how many samples the waiters were walked, there was one, one was armed, somebody
	// slept behind one, an event was ready that nobody fetched.
	Walked, Waited, Armed, Slept, Unfetched int32
}

// Owner is a process with a descriptor of the listener; a process is one owner.
type Owner struct {
	*Holder
	FD Maybe[int]
	// Connections is how many accepted connections it holds: those whose local port is the
	// listener's, in its network namespace.
	Connections Maybe[int]
	// AcceptedElsewhere: it holds connections of another port that it listens on.
	AcceptedElsewhere Maybe[bool]
	Made              bool      // it opened the listener's socket itself, in the program that it runs
	Evidence          *Evidence // nil unless the listener is suspected
	Origin            *Origin   // nil unless other processes have members of its groups too
}

// Holder describes a process, for all listeners that it holds. It is never changed once it is
// in a snapshot.
type Holder struct {
	PID     int
	NSPID   int // innermost pid namespace
	Comm    string
	Exe     string
	Cmdline []string
	UID     uint32
	User    string
	PPID    int
	Started time.Time
	Start   uint64 // ticks since boot, the process's identity beside its pid
	State   string // one letter, as in /proc/PID/stat
	Wchan   string
	Tracer  int // pid of the tracer, 0 for none
	Kernel  bool
	// NeverExec: it was forked, and has executed nothing since. Image is the start, since
	// boot, of the process that executed the program which it runs: of itself, or of the
	// nearest process above it that executed one; 0: not known.
	NeverExec bool
	Image     time.Duration
	Running   File // the file of its program; zero: not known
	// Guest is the uid, in the initial user namespace, that owns the user namespace it
	// lives in; unknown: that could not be read, or it lives in the initial one.
	Guest     Maybe[uint32]
	PIDNS     Maybe[uint32] // inode of its pid namespace
	Cgroup    string        // v2 path, or that of a v1 controller
	Container *Container    // nil: it is in none; never changed
}

// Like says that two are equal but for what the process is doing at the moment.
func (h *Holder) Like(other *Holder) bool {
	a, b := *h, *other
	a.State, a.Wchan, b.State, b.Wchan = "", "", "", ""
	return reflect.DeepEqual(&a, &b)
}

// Snapshot is every listener of the host at one moment. It and what it points
// to are never changed: a reader keeps it as long as it likes.
type Snapshot struct {
	Time      time.Time
	Interval  time.Duration
	Tier      Tier
	Listeners []*Listener // by network namespace, address, port, cookie
	Census    time.Time   // when the owners were found; zero: not yet
	Watched   bool        // false: this is a single look, without history
	// Unread are the users whose processes hang a reader of /proc: what only that has is not
	// known of their processes.
	Unread []uint32
	// LeftOut is how many suspected processes the last look had no room for, or hold too
	// much: it is not known what they do.
	LeftOut int
}

// SameList says that two lists, of listeners or of judgements, are one list and not just
// equal: nothing in it has changed. Of empty lists this is not known.
func SameList[T any](a, b []T) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// Compare orders listeners as snapshots list them.
func Compare(a, b *Listener) int {
	return cmp.Or(
		cmp.Compare(a.Netns, b.Netns),
		a.Local.Addr().Compare(b.Local.Addr()),
		cmp.Compare(a.Local.Port(), b.Local.Port()),
		cmp.Compare(a.Cookie, b.Cookie),
	)
}

// Find returns the listener with this cookie.
func (s *Snapshot) Find(c Cookie) (*Listener, bool) {
	for _, l := range s.Listeners {
		if l.Cookie == c {
			return l, true
		}
	}
	return nil, false
}

// Siblings iterates over the other members of l's group.
func (s *Snapshot) Siblings(l *Listener) func(yield func(*Listener) bool) {
	return func(yield func(*Listener) bool) {
		if l.Group == 0 {
			return
		}
		for _, other := range s.Listeners {
			if other.Group == l.Group && other.Key != l.Key && !yield(other) {
				return
			}
		}
	}
}

// Tier is how much of the kernel could be watched.
type Tier string

// From the most to the least.
const (
	TierFunctions   Tier = "functions"
	TierTracepoints Tier = "tracepoints"
	TierQueues      Tier = "queues"
)

// AddrFamily names the family of an address as the kernel does.
func AddrFamily(a netip.Addr) string {
	if a.Is4() {
		return "inet"
	}
	return "inet6"
}
