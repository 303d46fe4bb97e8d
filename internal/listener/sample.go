// Package listener holds the words of the domain: listeners, their groups and
// owners, what one look at them saw, and snapshots of all of them. It imports
// nothing of ours.
package listener

import (
	"net/netip"
	"strconv"
	"time"
)

// Cookie is the kernel's number of a socket, unique since boot.
type Cookie uint64

// String prints the cookie as `ss -e` does: lower hex.
func (c Cookie) String() string { return strconv.FormatUint(uint64(c), 16) }

// Key is the address of a socket, which joins what the kernel says about it. It never leaves
// the process.
type Key uint64

// GroupKey is the kernel's own SO_REUSEPORT group (sk_reuseport_cb), 0 for
// none. It is the same for all members within one look and may change between two.
type GroupKey uint64

// Head identifies the request at the head of an accept queue: while it stays
// the same, nothing has been accepted. Every field takes part, because slabs
// reuse addresses at once and SYN cookies leave SYNACK at 0.
type Head struct {
	Request uint64
	SYNACK  uint64 // when the SYN-ACK was sent, in the kernel's own clock
	RcvISN  uint32
	SndISN  uint32
	Remote  netip.AddrPort
}

// Sample is one look at one listener.
type Sample struct {
	Key    Key
	Cookie Cookie
	Inode  uint64
	Group  GroupKey
	// NetCookie is the cookie of the network namespace, which unlike its inode is never
	// given out again.
	NetCookie uint64
	Netns     uint32
	GroupSize int32
	// Migration is the id of a program of reusewatch that an act attached to the group; 0
	// for none.
	Migration uint32
	Device    int32 // ifindex of SO_BINDTODEVICE, 0 for none
	Local     netip.AddrPort
	Queue     uint32 // Recv-Q: connections that wait for accept()
	Backlog   uint32 // Send-Q: how many may wait

	Program   bool // an application's own program chooses the member
	V6Only    bool
	Reuseport bool
	MPTCP     bool
	// Served: a connection has come since the last look that this member must have accepted,
	// for no other could. Only the queues tier seeks such connections.
	Served bool
	// MayHaveServed: this member has accepted such a connection, or another one of its group
	// that has this set.
	MayHaveServed bool
	WaitersKnown  bool // the waiters were read: without Waiters, nobody waits

	Dropped    Count
	Head       Head // zero where the queue is empty
	OldestWait Rare[time.Duration]
	ListenedAt Rare[time.Time] // unknown for a listener older than reusewatch

	// These are counted since CountedSince of the listener; unknown if the tier or --count
	// leaves them out.
	SYNs     Count
	SYNsFull Count // SYNs that met a full accept queue
	Selected Count // SYNs that the group's hash gave to this member
	Queued   Count
	Adopted  Count
	// QueuedPlain is the part of Queued that surely has no MPTCP joins: all of it in the
	// functions tier, connections of plain TCP in the tracepoints tier.
	QueuedPlain Count

	// Settings and HalfOpen are read by complete looks only, for acts.
	Settings Rare[Settings]
	HalfOpen uint32 // requests in the SYN queue

	Waiters []Waiter
}

// Settings are what members of a group must agree on before one may inherit the
// clients of another (Documentation/networking/ip-sysctl.rst, tcp_migrate_req).
type Settings struct {
	FastOpen    int // how many may be half open
	DeferAccept int // counted in SYN-ACKs that are sent
	SaveSYN     int
	IncomingCPU int
	Transparent bool
	Keys        bool // MD5 or AO
}

// WaiterKind is how somebody waits for connections.
type WaiterKind string

// The ways to wait on a listener.
const (
	WaitAccept  WaiterKind = "accept" // blocked in accept()
	WaitPoll    WaiterKind = "poll"   // poll() or select()
	WaitEpoll   WaiterKind = "epoll"  // an entry of an epoll set
	WaitIOUring WaiterKind = "io_uring"
	WaitOther   WaiterKind = "other"
)

// Waiter is one entry of the wait queue of a listening socket.
type Waiter struct {
	Kind WaiterKind
	PID  int // the process that sleeps, for epoll the first one behind the set; 0: not known
	// Armed: an event would wake it. An epoll entry is armed if it asks for events;
	// EPOLLONESHOT disarms it when it has fired.
	Armed    bool
	Sleepers int  // threads asleep behind it
	Ready    bool // epoll: an event that nobody fetched

	Epoll   Key   // the address of the epoll set, by which the census finds its holders; never shown
	Holders []int // pids that hold the epoll set, or sleep; empty: unknown
}
