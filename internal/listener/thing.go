package listener

// ThingKind is what a descriptor is of.
type ThingKind string

// The kinds of things that are told of.
const (
	ThingListener   ThingKind = "listener" // TCP and MPTCP
	ThingConnection ThingKind = "connection"
	ThingUDP        ThingKind = "udp"
	ThingUnix       ThingKind = "unix"
	ThingPipe       ThingKind = "pipe"
	ThingEpoll      ThingKind = "epoll"
	ThingRing       ThingKind = "io_uring"
	ThingSocket     ThingKind = "socket" // of any other family or protocol
	ThingOther      ThingKind = "other"  // told of only where it is Async
)

// Thing is what one descriptor of a process is of.
type Thing struct {
	Kind   ThingKind
	PID    int
	FD     int
	File   Key // the open file: descriptors that were duplicated have one
	Object Key // what it is told apart by while it is held; an address that never leaves the process
	Peer   Key // of a unix socket: the other one
	Inode  uint64
	NetNS  uint32
	Port   uint16 // local, of TCP and UDP
	Remote uint16 // port, 0 where it is not connected
	Type   int    // of a unix socket, as SOCK_STREAM
	// Listening: of a unix socket.
	Listening bool
	// Position is unknown of what has none, and of MPTCP on kernels that do not tell.
	Position Maybe[Position]
	// Of a pipe: its open ends in all processes, and which of them this one is.
	Readers, Writers int
	Reads, Writes    bool
	// Locked: somebody is at work in this epoll set, or hangs there: whoever asked /proc
	// about it now would wait for him.
	Locked bool
	// Of a socket: its reads, or writes, end by themselves (SO_RCVTIMEO, SO_SNDTIMEO).
	TimedReads, TimedWrites bool
	// Async: some descriptor of it has O_ASYNC, which sends signals.
	Async bool
}

// Position is how far its holders have got: of a connection what the process itself
// read and wrote (copied_seq, write_seq), whatever the peer sent or acknowledged; of
// a pipe its tail and head. Both only grow, TCP's modulo 2^32.
type Position struct{ Read, Wrote uint64 }
