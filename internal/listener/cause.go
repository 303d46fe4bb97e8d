package listener

import "slices"

// Cause is why a listener is stuck.
type Cause string

// The causes; [Causes] says what each of them means.
const (
	NoCause          Cause = ""
	CauseNeverPolled Cause = "never-polled"
	CauseNotPolling  Cause = "not-polling"
	CauseIgnores     Cause = "ignores"
	CauseSpinning    Cause = "spinning"
	CauseBlocked     Cause = "blocked"
	CauseStopped     Cause = "stopped"
	CauseTraced      Cause = "traced"
	CauseFrozen      Cause = "frozen"
	CauseStarved     Cause = "starved"
	CauseBusy        Cause = "busy"
	CauseAtLimit     Cause = "at-limit"
	CauseUnowned     Cause = "unowned"
	CauseUnknown     Cause = "unknown"
)

// CauseRow is all that is said of one cause, wherever it is said.
type CauseRow struct {
	Cause Cause
	Means string // in a table
	// Sentence finishes "haproxy listens on :80 but …". It has places for {asleep}, where
	// its owner sleeps, for {and asleep}, the same as an addition, and for {tracer}.
	Sentence string
	// Load: it needs capacity, and ends by itself: check lets it pass, and no alert
	// fires for it.
	Load bool
}

// Causes is the table of all causes.
func Causes() []CauseRow {
	return []CauseRow{
		{Cause: CauseNeverPolled, Means: "nobody waits on it or holds a connection of its port: it hung as it started",
			Sentence: "never entered its event loop: nobody waits on the listener and no connection was accepted{and asleep}"},
		{Cause: CauseNotPolling, Means: "it served before; no thread sleeps behind its waiters any more",
			Sentence: "no thread of it sleeps behind the listener any more{and asleep}"},
		{Cause: CauseIgnores, Means: "it polls, was woken, and does not accept",
			Sentence: "does not accept: it polls the listener, was woken, and goes on sleeping"},
		{Cause: CauseSpinning, Means: "a thread burns CPU in its own code, without one system call",
			Sentence: "does not accept: it spins in its own code, a CPU full of user time and not one system call"},
		{Cause: CauseBlocked, Means: "it sleeps in the kernel: a FIFO, a pipe that nobody reads, a lock, NFS",
			Sentence: "left its event loop: it {asleep}"},
		{Cause: CauseStopped, Means: "a signal stopped it, such as SIGSTOP or SIGTTOU",
			Sentence: "is stopped (state T): a signal such as SIGSTOP or SIGTTOU stopped it, SIGCONT would let it go on"},
		{Cause: CauseTraced, Means: "a debugger stopped it",
			Sentence: "is being traced by {tracer}"},
		{Cause: CauseFrozen, Means: "its cgroup is frozen",
			Sentence: "is frozen by its cgroup"},
		{Cause: CauseStarved, Means: "it gets too little CPU: look at its quota and at the load",
			Sentence: "gets too little CPU to accept: it waits for a processor, or its quota is used up"},
		{Cause: CauseBusy, Means: "it makes progress with other work", Load: true,
			Sentence: "is busy with other work and does not come to accept"},
		{Cause: CauseAtLimit, Means: "it left the listener out of polling while it serves what it has", Load: true,
			Sentence: "has taken it out of polling while it serves the connections it has, as a server does at its connection limit"},
		{Cause: CauseUnowned, Means: "no process holds it",
			Sentence: "no process holds it"},
		{Cause: CauseUnknown, Means: "none of these can be said",
			Sentence: "does not accept, and why is not known{and asleep}"},
	}
}

// CausesOfLoad are those that check lets pass and no alert fires for.
func CausesOfLoad() []Cause {
	var load []Cause
	for _, row := range Causes() {
		if row.Load {
			load = append(load, row.Cause)
		}
	}
	return load
}

// Row is what the table has of a cause; of one that it does not have, a later
// version's, what it has of the unknown.
func (c Cause) Row() CauseRow {
	all := Causes()
	if i := slices.IndexFunc(all, func(row CauseRow) bool { return row.Cause == c }); i >= 0 {
		return all[i]
	}
	return all[len(all)-1]
}
