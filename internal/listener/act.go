package listener

import (
	"errors"
	"time"
)

// Act is what is done to one process, or to one listener of it, with all that is known about
// it from the plan to the outcome. Acts on the dead members of a group that are done together
// have one ID.
type Act struct {
	ID        string
	Action    Action // Kill or Close
	By        By
	Judgement Judgement // by the last look before it
	Owner     Owner
	// Listeners are all that leave: the one that is closed, or those that only killed
	// processes hold.
	Listeners []Cookie
	Began     time.Time      // when the look was that the decision rests on
	Clients   Maybe[Clients] // who waited, before anything was touched
	Policy    string         // the hash of the policy in force
	Evidence  string         // the file with its evidence, "" for none
	Outcome
}

// Outcome is how far an act has got, and what came of it.
type Outcome struct {
	Method  Method        // the next rung, or the last one
	Took    time.Duration // until the listener had left, or the failure
	Rescue  string        // how its clients were taken along, or why they were not
	Rescued Maybe[int]    // clients that a sibling or the next holder got
	Stale   Maybe[int]    // clients that had gone, and were left to be reset
	Result  Result        // "" as long as it is under way
	Failure string        // what went wrong, or what had changed
	Touched bool          // something was done: a signal was sent, or a listener shut down
}

// Method is a rung of the ladder.
type Method string

// The rungs: kill climbs all of them, close begins with the last.
const (
	SIGTERM  Method = "sigterm"
	SIGKILL  Method = "sigkill"
	Shutdown Method = "shutdown" // of the listener, through a duplicate of its descriptor
)

// By is who decided on an act.
type By string

// An act is decided on by the daemon, or by a person's command.
const (
	ByRun     By = "run"
	ByCommand By = "command"
)

// Result is how an act ended.
type Result string

// The results. The last two are of an act whose agent ended in the midst of it: what the
// next start found.
const (
	Acted      Result = "acted"
	LeftAlone  Result = "left-alone" // it had changed: nothing was done
	Failed     Result = "failed"
	FoundGone  Result = "found-gone"
	FoundThere Result = "found-there"
)

// Why gives the cause or the finding for which it is done.
func (a *Act) Why() string {
	if !a.Judgement.Stands() {
		return string(FindingSuperseded)
	}
	return string(a.Judgement.Cause)
}

// About gives the listeners that leave, or else the one that the act is about, which stays
// with its other holders.
func (a *Act) About() []Cookie {
	if len(a.Listeners) == 0 {
		return []Cookie{a.Judgement.Cookie}
	}
	return a.Listeners
}

// PastAct is what budgets need to know of an act that was begun.
type PastAct struct {
	At    time.Time `json:"at"`
	Group string    `json:"group"`      // as [Listener.Counted] names it
	Netns uint64    `json:"net_cookie"` // of its network namespace
	// OfUser: it was done to a process that is [Owner.OfUser].
	OfUser bool `json:"of_user,omitempty"`
}

// Past gives what budgets need to know of the act, begun at that time.
func (a *Act) Past(at time.Time) PastAct {
	l := a.Judgement.Listener
	return PastAct{At: at, Group: l.Counted(), Netns: l.NetCookie, OfUser: a.Owner.OfUser()}
}

// Counted names the group that budgets count an act on the listener for, or the listener
// itself if it has no group.
func (l *Listener) Counted() string {
	if l.GroupName != "" {
		return l.GroupName
	}
	return l.Cookie.String()
}

// Kept is a value of net.ipv4.tcp_migrate_req that an act has replaced by 1, and that
// is to be restored.
type Kept struct {
	Netns     uint32 `json:"netns"`
	NetCookie uint64 `json:"net_cookie"`
	Value     string `json:"value"`
}

// ErrClaimed says that another agent has the right to act in a network namespace.
var ErrClaimed = errors.New("another reusewatch acts there")
