package listener

// MaxSought is how many objects a census can seek the holders of.
const MaxSought = 4096

// HeldKind is what a descriptor refers to.
type HeldKind int

// What the census finds.
const (
	HeldListener   HeldKind = iota + 1
	HeldConnection          // whose local port is Port
	HeldEpoll               // a set that a suspected listener is in
	HeldSought              // a pipe or socket that was sought
)

// Held is one descriptor of one process.
type Held struct {
	Kind  HeldKind
	PID   int
	FD    int
	Inode uint64
	Netns uint32
	Port  uint16
	Key   Key    // of a listener, an epoll set, or what was sought; of a connection its socket
	Peer  uint16 // of a connection: the remote port
	// Of what was sought: the open file, and which ends of a pipe it is.
	File          Key
	Reads, Writes bool
	// Made: of a listener: the process opened it, in the program that it runs.
	Made bool
}
