package corpus

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// row is one kind of server.
type row struct {
	name  string
	issue string // of a real project where it was reported: owner/repo#number
	about string
	bad   server
	group group
	// set prepares what the server needs before it starts: its argument, its descriptors.
	set func(*scene)
	// then does something to it once it is in its state.
	then  func(*scene)
	state state
	want  want
	hog   bool // it burns a CPU
	quiet bool // no client comes
	http  bool // it speaks HTTP, and so do clients
	host  bool // it needs what a VM does not have, such as a server of Debian's
}

// server is a mode of the zoo.
type server struct {
	mode string
	arg  string
	// served: it has served before it comes into its state; kept are the connections that
	// it still holds of that time.
	served bool
	kept   int
	// clients are connected and stay so, once it is in its state; those that talk ask
	// something every half a second.
	clients int
	talk    bool
	keeper  bool // its parent ends: a keeper adopts it
	// otherNetns: its argument is another network namespace, in which it serves.
	otherNetns bool
	// start runs another program instead.
	start func(*scene)
}

// group is who else is a member.
type group int

const (
	younger  group = iota // a healthy sibling of the same program, started after it
	older                 // the same, before it
	nobody                // it is alone
	stranger              // a healthy younger member that runs another program
)

// state is what must be true of its process before it is judged.
type state struct {
	calls    []uintptr // the system call of its leader is one of these; none: not asked
	children int       // at least
	threads  int       // at least; 0: not asked
}

// expected verdicts.
type stuckness int

const (
	isStuck stuckness = iota
	neverStuck
	maybeStuck // its head may stand still for longer than stuck-after
)

// The policies that each row is judged by.
const (
	byDefault = iota
	allowServed
	allowWaiting // and allow-served
	policies
)

func policyName(i int) string {
	return [policies]string{"default flags", "--allow-served", "--allow-served --allow-waiting"}[i]
}

// decision is an act, or a hold whose first reason is one of these; none: whatever. The
// zero value: it is not asked.
type decision struct {
	act     listener.Action
	reasons []listener.Reason
}

func (d decision) String() string {
	switch d.act {
	case "":
		return "anything"
	case listener.Kill:
		return "kill"
	default:
	}
	s := "hold"
	for i, r := range d.reasons {
		s += []string{": ", " or "}[min(i, 1)] + string(r)
	}
	return s
}

func (d decision) is(got *listener.Decision) bool {
	// Where the machine has too little CPU for all rows, one that runs is held for that first.
	return d.act == "" || got.Act == d.act && (len(d.reasons) == 0 || slices.Contains(d.reasons, got.Reason) ||
		d.act == listener.Hold && got.Reason == listener.Starved)
}

// want is what must be said of it.
type want struct {
	stuck     stuckness
	causes    []listener.Cause // one of these; none: not asked
	class     listener.Class   // "": not asked
	decisions [policies]decision
	// queues differ in the tier of that name, which cannot know all; nil: the same.
	queues *[policies]decision
}

// either: both are right, for what is known differs.
func either() decision { return decision{} }

func kill() decision { return decision{act: listener.Kill} }

func hold(reasons ...listener.Reason) decision { return decision{listener.Hold, reasons} }

// dies: it is at a dead end, and never served.
func dies() want {
	return want{
		// Which of these is known depends on the tier.
		causes: causes(listener.CauseNeverPolled, listener.CauseNotPolling, listener.CauseBlocked),
		class:  listener.Dead, decisions: [policies]decision{kill(), kill(), kill()},
	}
}

// diesIfServedMay: it is at a dead end, and has served.
func diesIfServedMay() want {
	return want{
		causes: causes(listener.CauseNotPolling, listener.CauseBlocked), class: listener.ServedClass,
		decisions: [policies]decision{hold(listener.Served), kill(), kill()},
	}
}

// diesIfWaitingMay: it waits for somebody silent, or for a lock.
func diesIfWaitingMay(cs ...listener.Cause) want {
	return want{
		causes: cs, class: listener.ServedClass,
		decisions: [policies]decision{hold(listener.Waits), hold(listener.Waits), kill()},
	}
}

// lives: nothing of the three policies may end it, for one of these reasons.
func lives(reasons ...listener.Reason) want {
	held := hold(reasons...)
	return want{class: listener.ServedClass, decisions: [policies]decision{held, held, held}}
}

// livesAndSays is the same, and asks what is said to be the cause.
func livesAndSays(cs []listener.Cause, reasons ...listener.Reason) want {
	w := lives(reasons...)
	w.causes = cs
	return w
}

// is says how often it may be stuck.
func (w want) is(s stuckness) want {
	w.stuck = s
	return w
}

// ofClass asks for another class; "" for none.
func (w want) ofClass(c listener.Class) want {
	w.class = c
	return w
}

// inQueues is what the queues tier decides.
func (w want) inQueues(ds ...decision) want {
	w.queues = (*[policies]decision)(ds)
	return w
}

// in is what must be decided in a tier.
func (w want) in(tier listener.Tier) [policies]decision {
	if tier == listener.TierQueues && w.queues != nil {
		return *w.queues
	}
	return w.decisions
}

func causes(cs ...listener.Cause) []listener.Cause { return cs }

// rows is the whole table.
func rows() []*row {
	return slices.Concat(
		deadEnds(), deadEndsOfThreads(), deadEndsByFork(),
		waitsForPeers(), waitsForTime(), waitsForChildren(), waitsForLocks(), waitsUnread(),
		halted(), burning(), refused(), atLimits(), busyElsewhere(), healthy(), pools(), inherited(), siblings(), debian(),
	)
}
