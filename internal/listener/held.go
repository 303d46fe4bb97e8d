package listener

// MaxSought is how many objects a census can seek the holders of.
const MaxSought = 4096

// HeldKind is what a descriptor refers to, for a census.
type HeldKind int

// What the census finds.
const (
	HeldListener   HeldKind = iota + 1
	HeldConnection          // a connection whose local port is Port
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
	Key   Key    // the address of the listener, epoll set, sought object or connection
	Peer  uint16 // the remote port of a connection
	// Of a sought object: the open file, and which ends of a pipe that is.
	File          Key
	Reads, Writes bool
	// Made: the process itself opened the listener, in the program that it runs.
	Made bool
}
