package listener

import "slices"

// Cause is why a listener is stuck.
type Cause string

// The causes; [Causes] says what each of them means.
const (
	CauseNeverPolled Cause = "never-polled"
	CauseNotPolling  Cause = "not-polling"
	CauseIgnores     Cause = "ignores"
	CauseRefused     Cause = "refused"
	CauseSpinning    Cause = "spinning"
	CauseBlocked     Cause = "blocked"
	CauseOnChild     Cause = "waits-on-child"
	CauseOnPeer      Cause = "waits-on-peer"
	CauseOnLock      Cause = "waits-on-lock"
	CauseInherited   Cause = "inherited"
	CauseStopped     Cause = "stopped"
	CauseTraced      Cause = "traced"
	CauseFrozen      Cause = "frozen"
	CauseStarved     Cause = "starved"
	CauseBusy        Cause = "busy"
	CauseAtLimit     Cause = "at-limit"
	CauseUnowned     Cause = "unowned"
	CauseUnknown     Cause = "unknown"
)

// CauseRow has all words about one cause, wherever they are shown.
type CauseRow struct {
	Cause Cause
	Means string // in a table
	// Sentence finishes "haproxy listens on :80 but …". It has places for {asleep}, where
	// its owner sleeps, for {and asleep}, the same as an addition, and for {tracer},
	// {window} (since when nobody waits, as far as was looked), {errno}, {peer} and {lock}.
	Sentence string
	// Load: the server needs capacity, and the trouble ends by itself: check lets it pass,
	// and no alert fires for it.
	Load bool
}

// Causes is the table of all causes.
func Causes() []CauseRow {
	return []CauseRow{
		{Cause: CauseNeverPolled, Means: "nobody waits on it, and since its listen() nobody ever did: it hung as it started",
			Sentence: "never came to accept: it was counted since its listen(), nobody was ever seen to wait on it, and it accepted nothing{and asleep}"},
		{Cause: CauseNotPolling, Means: "nobody sleeps behind its waiters; it may have served before",
			Sentence: "nobody has waited for its clients {window}{and asleep}"},
		{Cause: CauseIgnores, Means: "it polls, was woken, and does not accept",
			Sentence: "does not accept: it polls the listener, was woken, and goes on sleeping"},
		{Cause: CauseRefused, Means: "it calls accept, and gets an error each time",
			Sentence: "every accept() of it fails{errno}"},
		{Cause: CauseSpinning, Means: "it burns CPU in its own code, and next to none in the kernel",
			Sentence: "does not accept: it spins in its own code, with next to no time in the kernel"},
		{Cause: CauseBlocked, Means: "it sleeps in the kernel: a FIFO, a full pipe, a lock in its own memory",
			Sentence: "does not accept: it {asleep}"},
		{Cause: CauseOnChild, Means: "it waits for a child that lives",
			Sentence: "does not accept: it waits for a child that lives{and asleep}"},
		{Cause: CauseOnPeer, Means: "it waits for somebody at the other end of a connection, socket or pipe",
			Sentence: "does not accept: it waits for {peer}{and asleep}"},
		{Cause: CauseOnLock, Means: "it waits for a lock on a file that another process holds",
			Sentence: "does not accept: it waits for a lock on a file{lock}{and asleep}"},
		{Cause: CauseInherited, Means: "who holds it is not who listened: a child, or another program, inherited it",
			Sentence: "did not make the listener: it inherited it{and asleep}"},
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
		{Cause: CauseAtLimit, Means: "it goes on with what it has and leaves new clients waiting, or has no descriptor left", Load: true,
			Sentence: "leaves new clients waiting and goes on with what it has, as a server does at a limit"},
		{Cause: CauseUnowned, Means: "no process has a descriptor of it: it is on its way between two, in an io_uring, or the kernel's own",
			Sentence: "no process has a descriptor of it"},
		{Cause: CauseUnknown, Means: "none of these can be said",
			Sentence: "does not accept, and why is not known{and asleep}"},
	}
}

// CausesOfLoad gives the causes that check lets pass and no alert fires for.
func CausesOfLoad() []Cause {
	var load []Cause
	for _, row := range Causes() {
		if row.Load {
			load = append(load, row.Cause)
		}
	}
	return load
}

// Row gives the row of a cause, or that of the unknown one for a cause that only a later
// version has.
func (c Cause) Row() CauseRow {
	all := Causes()
	if i := slices.IndexFunc(all, func(row CauseRow) bool { return row.Cause == c }); i >= 0 {
		return all[i]
	}
	return all[len(all)-1]
}
