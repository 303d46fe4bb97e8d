package listener

// Sign is a sign of life: a hint that a process which does not accept may be of use to
// somebody all the same.
type Sign string

// The signs of life; [Signs] says what each of them means.
const (
	SignRuns            Sign = "runs"
	SignMovesBytes      Sign = "moves-bytes"
	SignServesElsewhere Sign = "serves-elsewhere"
	SignWaits           Sign = "waits"
	SignAtLimit         Sign = "at-limit"
	SignTold            Sign = "told"
	SignInherited       Sign = "inherited"
)

// SignRow has all words about one sign, wherever they are shown.
type SignRow struct {
	Sign  Sign
	Means string // in a table
	Known string // how it is known
	// Inert: an inert process does not show it, whatever else is not known.
	Inert bool
	// Holds are the reasons by which the gate holds for it.
	Holds []Reason
}

// Signs is the table of all signs of life.
func Signs() []SignRow {
	return []SignRow{
		{Sign: SignRuns, Means: "it runs", Inert: true, Holds: []Reason{Served},
			Known: "a thread of it got a time slice, or is runnable (sched_info, sum_exec_runtime)"},
		{Sign: SignMovesBytes, Means: "it moves bytes", Inert: true, Holds: []Reason{Busy},
			Known: "files, pipes, TCP (copied_seq, write_seq: what it read and wrote itself), UDP and unix sockets (its calls)"},
		{Sign: SignServesElsewhere, Means: "it serves on something else", Inert: true, Holds: []Reason{ServesElsewhere},
			Known: "another listener of it accepted, one that it shares too; a call of it accepted or received elsewhere, in whatever protocol and namespace"},
		{Sign: SignWaits, Means: "it waits for somebody alive", Holds: []Reason{Waits},
			Known: "the system call and the stack of each thread, and who is at the other end; a wait that is no dead end, or cannot be read"},
		{Sign: SignAtLimit, Means: "it is at a limit", Inert: true, Holds: []Reason{AtLimit},
			Known: "its descriptors are used up; a thread of it polls, or one reads from each of its clients, while new ones are left waiting"},
		{Sign: SignTold, Means: "it was told to stand still", Holds: []Reason{Traced, Frozen, Stopped},
			Known: "a thread of it is traced or stopped, or its cgroup is frozen"},
		{Sign: SignInherited, Means: "the listener is not its own", Holds: []Reason{Inherited},
			Known: "it executed another program after the listener was made, or began after it and executed one then (PF_FORKNOEXEC); no, if it made the socket itself (f_cred of the file is its own)"},
	}
}

// SignSeen is whether a process shows one sign. Unknown counts as life.
type SignSeen struct {
	Sign  Sign
	Alive Maybe[bool]
	Value string // what was seen, or why it is not known
}

// Holds says that the process shows the sign, or may.
func (s *SignSeen) Holds() bool { return s.Alive.Or(true) }

// Class is what is proven of a stuck listener. It decides how long its head must stand before
// an act, and whether the act takes --allow-served.
type Class string

// The classes. NoClass: it is not stuck.
const (
	NoClass     Class = ""
	Dead        Class = "dead"         // inert, at a dead end, without a sign of life or a trace of service
	NeverServed Class = "never-served" // counted since its listen(), accepted nothing, no sign of life
	ServedClass Class = "served"       // everything else, and whatever is not proven
)
