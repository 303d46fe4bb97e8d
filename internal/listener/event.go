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
	// SinceBoot is when, by the clock that processes' starts are told by (CLOCK_BOOTTIME): the
	// wall clock may be set between the two.
	SinceBoot time.Duration
	PID       int // who called listen(), or ended the listener
	UID       uint32
	Comm      string
	Execs     uint64 // of that process, as [Process] has it
}
