package listener

import "time"

// Depth is how closely to look.
type Depth int

// From the cheapest to the dearest.
const (
	// LookQuick skips what the kernel side knows to stand idle.
	LookQuick Depth = iota
	// LookFull touches every socket, and gives those that changed.
	LookFull
	// LookAll gives every listener, changed or not.
	LookAll
)

// Look is one pass over the listeners of the host.
type Look struct {
	At      time.Time
	Samples []Sample
	// Complete: a listener that is not in Samples is gone. Otherwise it is as
	// it was, with an empty queue.
	Complete  bool
	Listeners int  // how many there are
	Lost      bool // births or deaths went by unseen since the last look
	// Restarted: all counters began anew at this look, because the kernel side
	// had to make room for more listeners.
	Restarted bool
}
