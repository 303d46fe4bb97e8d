// Package audit keeps for a person who asks later what was done, to whom and
// why: a log in which each act stands before it is begun and again when it has
// ended, and bundles of the evidence.
package audit

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Schema names the JSON that this version writes; it only gains fields.
const Schema = "reusewatch/v1"

// Kind of an entry.
type Kind string

// The kinds. An act has an intent, which is on the disk before it is begun, and
// an outcome.
const (
	KindIntent  Kind = "intent"
	KindOutcome Kind = "outcome"
)

// Result is how an act ended.
type Result string

// The results. The last two are what a later start finds of an act whose agent
// did not live to say.
const (
	Acted      Result = "acted"
	Failed     Result = "failed"
	FoundGone  Result = "found-gone"
	FoundThere Result = "found-there"
)

// By is who decided on an act.
type By string

// An act is decided on by the daemon, or by a person's command.
const (
	ByRun     By = "run"
	ByCommand By = "command"
)

// Entry is one line of the log: one side of one act. A text that is "" is null
// in the log.
type Entry struct {
	Kind      Kind      // set by Intent and Outcome
	Time      time.Time // zero: now
	ActID     string
	Action    string // kill or close
	PID       int
	Start     uint64 // ticks since boot, the process's identity beside its pid
	Comm      string
	Cmdline   []string // secrets are masked by the caller
	UID       uint32
	Listeners []string // cookies
	Netns     uint32
	NetCookie uint64
	Group     string
	Cause     string
	Reasons   []string
	Policy    string // hex SHA-256 of the policy in force
	By        By
	Evidence  string // path of the bundle
	// Clipped: an entry too long for a line has lost its command line, and of
	// thousands of listeners all but the first. Set by Intent and Outcome.
	Clipped bool

	// Of an outcome; an intent's are null.
	Result  Result
	Method  string
	Rescued listener.Maybe[int]
	Stale   listener.Maybe[int]
	Took    listener.Maybe[time.Duration]
	Error   string
}

// key joins an outcome with its intent: one act may close two listeners of a process.
type key struct {
	act      string
	pid      int
	listener string
}

func (e *Entry) key() key {
	k := key{act: e.ActID, pid: e.PID}
	if len(e.Listeners) > 0 {
		k.listener = e.Listeners[0]
	}
	return k
}
