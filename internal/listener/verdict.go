package listener

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

// The causes that can be told so far.
const (
	NoCause          Cause = ""
	CauseNeverPolled Cause = "never-polled" // nobody waits on it, no accepted connection
	CauseStopped     Cause = "stopped"
	CauseTraced      Cause = "traced"
	CauseUnowned     Cause = "unowned"
	CauseUnknown     Cause = "unknown"
)

// Act is what is to be done about a stuck listener.
type Act string

// The acts. Observe: every gate but arming passed.
const (
	Observe Act = "observe"
	Kill    Act = "kill"
	Hold    Act = "hold"
)

// Reason is why the gate holds.
type Reason string

// The reasons, in the order in which the gate asks.
const (
	NotArmed            Reason = "not-armed"
	OutOfScope          Reason = "out-of-scope"
	Protected           Reason = "protected"
	Self                Reason = "self"
	Unowned             Reason = "unowned"
	AmbiguousHolders    Reason = "ambiguous-holders"
	Traced              Reason = "traced"
	Stopped             Reason = "stopped"
	NotJudged           Reason = "not-judged" // evidence that this version cannot weigh
	NoSiblingAccepted   Reason = "no-sibling-accepted"
	Starting            Reason = "starting"
	TooSoon             Reason = "too-soon"
	LastAcceptingMember Reason = "last-accepting-member"
	ChangedMeanwhile    Reason = "changed-meanwhile"
)

// Decision about a stuck listener.
type Decision struct {
	Act     Act
	Reason  Reason   // the first of Reasons, "" where nothing holds
	Reasons []Reason // all that hold, in the gate's order
}

// Judgement is a listener with what the judge says of it.
type Judgement struct {
	*Listener
	Verdict  Verdict
	Cause    Cause
	Decision *Decision // nil unless stuck
	Culprit  int       // pid of the owner that should accept and does not; 0 unknown
}
