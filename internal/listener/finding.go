package listener

import "time"

// Finding is what is wrong with members of a group although they may well accept.
type Finding string

// The findings.
const (
	// FindingSuperseded: a newer generation of its program listens beside it.
	FindingSuperseded Finding = "superseded"
	// FindingMixed: members of the group differ in what they run, or for whom.
	FindingMixed Finding = "mixed"
)

// Trait is what tells a generation from the one before it. That two trees of
// processes started at different times is not enough: a supervisor that starts a
// worker anew makes those too.
type Trait string

// The traits.
const (
	NamesIt        Trait = "names-it"        // its command line names the older one's pid, as haproxy -sf
	OtherConfig    Trait = "other-config"    // its command line names other configuration files
	BinaryReplaced Trait = "binary-replaced" // the older one's executable is another, or gone
	LeftBehind     Trait = "left-behind"     // both are daemons, alone in their sessions, of one service
)

// Superseded compares the generation of a member with a newer one.
type Superseded struct {
	Old, New Side
	Why      []Trait
	// Share is the part of the group's new connections of the last minute that the old
	// generation got.
	Share Maybe[float64]
}

// Side is one of two generations.
type Side struct {
	PIDs    []int  // the processes that hold its members
	Start   uint64 // of the oldest process, in ticks since boot; up to User all is of that one
	Comm    string
	Cmdline []string
	UID     uint32
	User    string
	// Since is when it began to listen, or, if that was not seen, when its process started.
	Since     time.Time
	SinceSeen bool
	Configs   []Config
	Listeners []Cookie
}

// Mixed is what members of a group differ in. Fields that they agree in are empty.
type Mixed struct {
	Programs   []string // base names
	Users      []string
	Containers []string // ids, "" for a member in none
	Images     []string
}

// Findings gives the findings about a listener.
func (j *Judgement) Findings() []Finding {
	var all []Finding
	if j.Superseded != nil {
		all = append(all, FindingSuperseded)
	}
	if j.Mixed != nil {
		all = append(all, FindingMixed)
	}
	return all
}
