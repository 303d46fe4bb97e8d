package listener

import (
	"net/netip"
	"slices"
)

// Filter chooses listeners: they must have one of the values of each kind that has values.
// The zero value matches all.
type Filter struct {
	Ports []uint16
	Addrs []netip.Prefix // of the bound address
	Netns []uint32       // inodes
	// Of the owner: one single owner must satisfy all of these.
	PIDs  []int
	Comms []string // exact
	UIDs  []uint32
	// Containers is about the container that the owner runs in.
	Containers Containers
}

// IsZero says that the filter matches everything.
func (f *Filter) IsZero() bool {
	return len(f.Ports) == 0 && len(f.Addrs) == 0 && len(f.Netns) == 0 && !f.byOwner()
}

func (f *Filter) byOwner() bool {
	return len(f.PIDs) > 0 || len(f.Comms) > 0 || len(f.UIDs) > 0 || !f.Containers.IsZero()
}

// Match says whether the filter chooses l.
func (f *Filter) Match(l *Listener) bool {
	if !oneOf(f.Ports, l.Port()) || !oneOf(f.Netns, l.Netns) {
		return false
	}
	addr := l.Local.Addr()
	if len(f.Addrs) > 0 && !slices.ContainsFunc(f.Addrs, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return false
	}
	return !f.byOwner() || slices.ContainsFunc(l.Owners, func(o Owner) bool {
		return oneOf(f.PIDs, o.PID) && oneOf(f.Comms, o.Comm) && oneOf(f.UIDs, o.UID) &&
			f.Containers.Match(o.Container)
	})
}

func oneOf[T comparable](values []T, v T) bool {
	return len(values) == 0 || slices.Contains(values, v)
}
