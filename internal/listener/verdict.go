package listener

import "time"

// Verdict is what the judge says of a listener.
type Verdict string

// The verdicts. NoVerdict: connections wait, and too few looks have seen them.
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

// The actions. Observe: every condition but arming is met. Report: nothing is done about a
// superseded listener.
const (
	Report  Action = "report"
	Observe Action = "observe"
	Close   Action = "close" // only the listener leaves; its process stays
	Kill    Action = "kill"
	Hold    Action = "hold"
)

// Decision is what the gate decided about a stuck listener, or about a superseded one that
// the policy acts on.
type Decision struct {
	Act     Action
	Reason  Reason   // the first of Reasons, "" where nothing holds
	Reasons []Reason // all that hold, in the gate's order
	Ill     []string // if host-wide holds: the groups that got stuck at once
	// Siblings are the members of its group that may stand in for it; nil: not known.
	Siblings []Cookie
}

// Judgement is a listener with what the judge says of it.
type Judgement struct {
	*Listener
	At       time.Time // the time of the snapshot that was judged; if nothing changes, later ones repeat it
	Verdict  Verdict
	Cause    Cause
	Decision *Decision  // nil unless it is stuck, or superseded and the policy acts on that
	Culprit  int        // pid of the owner that should accept and does not; 0 unknown
	Class    Class      // of a stuck one
	Signs    []SignSeen // of a stuck one: of the culprit, or of all owners together, in the order of the table

	Generations Maybe[int]  // how many its group has
	Superseded  *Superseded // nil: it is not superseded; never changed
	Mixed       *Mixed      // nil: its group is not mixed; never changed
}

// Stands says that it was judged by the head of its queue, which must not change during an
// act. A superseded listener accepts all the time.
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
