package judge

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Policy is what the operator asked for.
type Policy struct {
	Default Settings
	Rules   []Rule          // in order: the first that matches a listener applies
	Given   Override        // what flags set: it wins over the file
	Scope   listener.Filter // what is reported and acted on
	Protect []string        // comms never acted on
	Self    []int           // pids never acted on: reusewatch and its ancestors
	// HostBudget bounds the acts on the whole host.
	HostBudget Budget
}

// Rule applies its settings to the listeners that it matches.
type Rule struct {
	Match Match
	Set   Override
}

// Match chooses listeners: any value of a kind, every kind that has values. Of
// the owner, one single owner must satisfy all. The zero value matches all.
type Match struct {
	Ports      []uint16
	Addrs      []netip.Prefix
	Comms      []string
	Exes       []string // shell patterns of the whole path
	UIDs       []uint32
	Cgroups    []string // prefixes of the cgroup path
	Containers listener.Containers
}

// For gives the settings of one listener: defaults, then the first rule that
// matches, then what flags said.
func (p *Policy) For(l *listener.Listener) Settings {
	s := p.Default
	for i := range p.Rules {
		if p.Rules[i].Match.match(l) {
			apply(&p.Rules[i].Set, &s)
			break
		}
	}
	apply(&p.Given, &s)
	return s
}

func (m *Match) match(l *listener.Listener) bool {
	sockets := listener.Filter{Ports: m.Ports, Addrs: m.Addrs}
	if !sockets.Match(l) {
		return false
	}
	if len(m.Comms)+len(m.Exes)+len(m.UIDs)+len(m.Cgroups) == 0 && m.Containers.IsZero() {
		return true
	}
	return slices.ContainsFunc(l.Owners, m.owner)
}

func (m *Match) owner(o listener.Owner) bool {
	some := func(values []string, is func(string) bool) bool {
		return len(values) == 0 || slices.ContainsFunc(values, is)
	}
	return some(m.Comms, func(c string) bool { return c == o.Comm }) &&
		some(m.Exes, func(p string) bool { ok, _ := path.Match(p, o.Path()); return ok }) &&
		(len(m.UIDs) == 0 || slices.Contains(m.UIDs, o.UID)) &&
		some(m.Cgroups, func(c string) bool { return strings.HasPrefix(o.Cgroup, c) }) &&
		m.Containers.Match(o.Container)
}

// Past is what the judge must know of earlier acts and of the operator's will.
type Past struct {
	Disarmed bool
	// Lost: the acts that were begun cannot be read, so no budget is known to be left.
	Lost bool
	Acts []listener.PastAct
}
