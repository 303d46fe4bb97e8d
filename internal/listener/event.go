package listener

import "time"

// EventKind is what became of a listener.
type EventKind int

// The lifecycle of a listener.
const (
	ListenBegan EventKind = iota + 1
	ListenEnded
)

// Event is the birth or death of a listener, in the order in which the kernel
// saw them. A birth may still fail: the next look confirms it.
type Event struct {
	Kind   EventKind
	Key    Key
	Cookie Cookie
	At     time.Time
	// SinceBoot is At by the clock of process starts (CLOCK_BOOTTIME), for the wall clock
	// may be set between a start and a birth.
	SinceBoot time.Duration
	PID       int // the process that called listen(), or ended the listener
	UID       uint32
	Comm      string
	Execs     uint64 // of that process, as [Process] has it
}
