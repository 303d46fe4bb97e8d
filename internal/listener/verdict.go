package listener

import "time"

// Verdict is what the judge says of a listener.
type Verdict string

// The verdicts. NoVerdict: connections wait, too few looks to tell more.
const (
	NoVerdict Verdict = ""
	Idle      Verdict = "idle"
	Accepting Verdict = "accepting"
	Slow      Verdict = "slow"
	Suspect   Verdict = "suspect"
	Stuck     Verdict = "stuck"
)

// Action is what is to be done about a stuck listener.
type Action string

// The actions. Observe: every gate but arming passed. Report: of what is superseded,
// nothing.
const (
	Report  Action = "report"
	Observe Action = "observe"
	Close   Action = "close" // only the listener leaves; its process stays
	Kill    Action = "kill"
	Hold    Action = "hold"
)

// Decision about a stuck listener, or a superseded one that is to be acted on.
type Decision struct {
	Act     Action
	Reason  Reason   // the first of Reasons, "" where nothing holds
	Reasons []Reason // all that hold, in the gate's order
	Ill     []string // where host-wide does: what got stuck at once, each as it is counted
	// Siblings are the members of its group that may stand in for it; nil: nobody asked.
	Siblings []Cookie
}

// Judgement is a listener with what the judge says of it.
type Judgement struct {
	*Listener
	At       time.Time // of the snapshot in which it was judged so; of later ones, if nothing changed
	Verdict  Verdict
	Cause    Cause
	Decision *Decision  // nil unless stuck, or superseded and to be acted on
	Culprit  int        // pid of the owner that should accept and does not; 0 unknown
	Class    Class      // of a stuck one
	Signs    []SignSeen // of a stuck one: of the culprit, or of all owners together, in the order of the table

	Generations Maybe[int]  // in its group
	Superseded  *Superseded // nil: it is not; never changed
	Mixed       *Mixed      // nil: its group is not; never changed
}

// Stands says that it is judged by the head of its queue, which must not move while
// something is done about it. A superseded listener accepts all the time.
func (j *Judgement) Stands() bool { return j.Verdict == Stuck }

// CulpritOwner gives the owner that should accept and does not.
func (j *Judgement) CulpritOwner() (*Owner, bool) {
	for i := range j.Owners {
		if j.Culprit != 0 && j.Owners[i].PID == j.Culprit {
			return &j.Owners[i], true
		}
	}
	return nil, false
}
