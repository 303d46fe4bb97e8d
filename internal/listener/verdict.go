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

// Cause is why a listener is stuck.
type Cause string

// The causes.
const (
	NoCause          Cause = ""
	CauseNeverPolled Cause = "never-polled" // nobody waits on it, no accepted connection
	CauseNotPolling  Cause = "not-polling"  // served before, nobody sleeps behind its waiters
	CauseIgnores     Cause = "ignores"      // armed, woken, event fetched, never accepts
	CauseSpinning    Cause = "spinning"     // user time alone
	CauseBlocked     Cause = "blocked"      // in a wait channel
	CauseStopped     Cause = "stopped"
	CauseTraced      Cause = "traced"
	CauseFrozen      Cause = "frozen"
	CauseStarved     Cause = "starved"  // of CPU
	CauseBusy        Cause = "busy"     // makes progress elsewhere
	CauseAtLimit     Cause = "at-limit" // took itself out of polling on purpose
	CauseUnowned     Cause = "unowned"
	CauseUnknown     Cause = "unknown"
)

// Act is what is to be done about a stuck listener.
type Act string

// The acts. Observe: every gate but arming passed. Report: of what is superseded,
// nothing.
const (
	Report  Act = "report"
	Observe Act = "observe"
	Close   Act = "close" // only the listener leaves; its process stays
	Kill    Act = "kill"
	Hold    Act = "hold"
)

// Reason is why the gate holds.
type Reason string

// The reasons, in the order in which the gate asks.
const (
	Disarmed            Reason = "disarmed"
	NotArmed            Reason = "not-armed"
	OutOfScope          Reason = "out-of-scope"
	Protected           Reason = "protected"
	Self                Reason = "self"
	Unowned             Reason = "unowned"
	AmbiguousHolders    Reason = "ambiguous-holders"
	Traced              Reason = "traced"
	Frozen              Reason = "frozen"
	Stopped             Reason = "stopped"
	Starved             Reason = "starved"
	Busy                Reason = "busy"
	AtLimit             Reason = "at-limit"
	ServesElsewhere     Reason = "serves-elsewhere"
	ContainerInit       Reason = "container-init"
	MixedGroup          Reason = "mixed-group"
	NoSiblingAccepted   Reason = "no-sibling-accepted"
	Starting            Reason = "starting"
	Served              Reason = "served"
	TooSoon             Reason = "too-soon"
	HostWide            Reason = "host-wide"
	Budget              Reason = "budget"
	LastAcceptingMember Reason = "last-accepting-member"
	ChangedMeanwhile    Reason = "changed-meanwhile"
)

// Decision about a stuck listener, or a superseded one that is to be acted on.
type Decision struct {
	Act     Act
	Reason  Reason   // the first of Reasons, "" where nothing holds
	Reasons []Reason // all that hold, in the gate's order
}

// Judgement is a listener with what the judge says of it.
type Judgement struct {
	*Listener
	At       time.Time // of the snapshot in which it was judged so; of later ones, if nothing changed
	Verdict  Verdict
	Cause    Cause
	Decision *Decision // nil unless stuck, or superseded and to be acted on
	Culprit  int       // pid of the owner that should accept and does not; 0 unknown
	Served   bool      // its class: it served before, or may have; else it is fresh

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
