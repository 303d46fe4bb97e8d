package listener

import "time"

// Depth is how much a look reads.
type Depth int

// From the cheapest to the dearest.
const (
	// LookQuick skips listeners that the kernel side knows to be idle.
	LookQuick Depth = iota
	// LookFull reads every socket, and gives those that changed.
	LookFull
	// LookAll gives every listener, changed or not.
	LookAll
)

// Look is one pass over the listeners of the host.
type Look struct {
	At      time.Time
	Samples []Sample
	// Complete: a listener that is not in Samples has gone. Without it, such a listener is
	// as it was, with an empty queue.
	Complete  bool
	Listeners int  // how many there are
	Lost      bool // some births or deaths since the last look were not seen
	// Restarted: all counters began anew at this look, for the kernel side had to make room
	// for more listeners.
	Restarted bool
}
