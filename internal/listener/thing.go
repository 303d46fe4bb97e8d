package listener

// ThingKind is what a descriptor refers to.
type ThingKind string

// The kinds of things that are reported.
const (
	ThingListener   ThingKind = "listener" // TCP and MPTCP
	ThingConnection ThingKind = "connection"
	ThingUDP        ThingKind = "udp"
	ThingUnix       ThingKind = "unix"
	ThingPipe       ThingKind = "pipe"
	ThingEpoll      ThingKind = "epoll"
	ThingRing       ThingKind = "io_uring"
	ThingSocket     ThingKind = "socket" // of any other family or protocol
	ThingOther      ThingKind = "other"  // reported only if it is Async
)

// Thing is what one descriptor of a process refers to.
type Thing struct {
	Kind   ThingKind
	PID    int
	FD     int
	File   Key // the open file, which duplicated descriptors share
	Object Key // identifies it while it is held; an address that never leaves the process
	Peer   Key // of a unix socket: the other one
	Inode  uint64
	NetNS  uint32
	Port   uint16 // local, of TCP and UDP
	Remote uint16 // remote port, 0 if it is not connected
	Type   int    // of a unix socket, as SOCK_STREAM
	// Listening: of a unix socket.
	Listening bool
	// Position is unknown if the thing has none, and for MPTCP on kernels without it.
	Position Maybe[Position]
	// Of a pipe: its open ends in all processes, and which end this descriptor is.
	Readers, Writers int
	Reads, Writes    bool
	// Locked: somebody holds the lock of this epoll set, and may hang. A reader of /proc
	// would wait for him.
	Locked bool
	// Of a socket: its reads or writes have a timeout (SO_RCVTIMEO, SO_SNDTIMEO).
	TimedReads, TimedWrites bool
	// Async: some descriptor of it has O_ASYNC, which sends signals.
	Async bool
}

// Position is how far a thing has been read and written: for a connection what the process
// itself read and wrote (copied_seq, write_seq), not what the peer sent or acknowledged; for
// a pipe its tail and head. Both only grow, those of TCP modulo 2^32.
type Position struct{ Read, Wrote uint64 }
