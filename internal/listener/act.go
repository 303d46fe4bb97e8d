package listener

import (
	"errors"
	"time"
)

// Act is what is done to one process, or to one listener of it: all that is known of
// it, from the plan to the outcome. All that are done in one go, to the dead members
// of a group, have one ID.
type Act struct {
	ID        string
	Action    Action // Kill or Close
	By        By
	Judgement Judgement // by the last look before it
	Owner     Owner
	// Listeners are all that leave: of a process those that nobody else holds.
	Listeners []Cookie
	Began     time.Time      // the look that the decision rests on
	Clients   Maybe[Clients] // who waited, before anything was touched
	Policy    string         // the hash of what was in force
	Evidence  string         // the file that it is kept in, "" for none
	Outcome
}

// Outcome is how an act goes, and what came of it.
type Outcome struct {
	Method  Method        // the rung that is next, or was the last
	Took    time.Duration // until the listener had left, or the failure
	Rescue  string        // how its clients were taken along, or why they were not
	Rescued Maybe[int]    // clients that a sibling got, or the next holder
	Stale   Maybe[int]    // clients that had gone, and were left to be reset
	Result  Result        // "" as long as it is under way
	Failure string        // what went wrong, or had changed
	Touched bool          // something was done: a signal was sent, or a listener shut down
}

// Method is the rung of the ladder that did it.
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

// The results. The last two are what a later start finds of an act whose agent did
// not live to say.
const (
	Acted      Result = "acted"
	LeftAlone  Result = "left-alone" // it had changed: nothing was done
	Failed     Result = "failed"
	FoundGone  Result = "found-gone"
	FoundThere Result = "found-there"
)

// Why is the cause, or the finding, that it is done for.
func (a *Act) Why() string {
	if !a.Judgement.Stands() {
		return string(FindingSuperseded)
	}
	return string(a.Judgement.Cause)
}

// About are the listeners that leave, or the one that it is about, which stays with
// its other holders.
func (a *Act) About() []Cookie {
	if len(a.Listeners) == 0 {
		return []Cookie{a.Judgement.Cookie}
	}
	return a.Listeners
}

// PastAct is what counts of an act that was begun.
type PastAct struct {
	At    time.Time `json:"at"`
	Group string    `json:"group"`      // as [Listener.Counted] names it
	Netns uint64    `json:"net_cookie"` // of its network namespace
	// OfUser: it was done to what a user other than root runs.
	OfUser bool `json:"of_user,omitempty"`
}

// Past is what counts of it, begun at that time.
func (a *Act) Past(at time.Time) PastAct {
	l := a.Judgement.Listener
	return PastAct{At: at, Group: l.Counted(), Netns: l.NetCookie, OfUser: a.Owner.OfUser()}
}

// Counted names what an act on it is counted by: the group, or the one listener that
// has none.
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
