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

// Superseded is said of a member of an older generation.
type Superseded struct {
	Old, New Side
	Why      []Trait
	// Share of the group's new connections in the last minute that the old one takes.
	Share Maybe[float64]
}

// Side is one of two generations.
type Side struct {
	PIDs    []int  // of its processes that hold the members
	Start   uint64 // of the oldest of them, in ticks since boot; what follows is of that one
	Comm    string
	Cmdline []string
	UID     uint32
	User    string
	// Since is when it began to listen; of one older than reusewatch, whose listen()
	// nobody saw, when its process started.
	Since     time.Time
	SinceSeen bool
	Configs   []Config
	Listeners []Cookie
}

// Mixed is what members of a group differ in; what they agree in is empty.
type Mixed struct {
	Programs   []string // base names
	Users      []string
	Containers []string // ids, "" for a member in none
	Images     []string
}

// Findings are those of a listener.
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
