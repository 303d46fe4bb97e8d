package generation

import (
	"slices"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Kin says who are siblings: those who run one program in one place. Members of a group
// that are none are strangers: anybody who has a process of that user in the network
// namespace can join. The zero value knows no program but by its file, and no place but
// the container.
type Kin struct {
	Within   listener.Place
	Programs []string // paths of executables that are one program
}

// Are says whether two processes run one program in one place. What is not known of
// either tells them apart.
func (k *Kin) Are(a, b *listener.Owner) bool { return k.SamePlace(a, b) && k.sameProgram(a, b) }

// SamePlace says whether two processes live in one place. A pid or a user namespace of
// its own is a place too, for not everybody who makes containers is known by its cgroups.
func (k *Kin) SamePlace(a, b *listener.Owner) bool {
	switch {
	case k.Within == listener.Anywhere:
		return true
	case !placeKnown(a) || !placeKnown(b):
		return false
	case k.Within == listener.WithinPod && a.Container != nil && b.Container != nil && a.Container.PodUID != "" && a.Container.PodUID == b.Container.PodUID:
		return true
	default:
		return a.ContainerID() == b.ContainerID() && a.PIDNS == b.PIDNS && a.Guest == b.Guest
	}
}

// placeKnown: its cgroups could be read, which tell what it runs in.
func placeKnown(o *listener.Owner) bool { return o.Exe != "" || o.Cgroup != "" }

// sameProgram: the same path, also where the file was replaced since; the same file by
// whatever path; one unit of the system's service manager; or what the policy calls one.
func (k *Kin) sameProgram(a, b *listener.Owner) bool {
	was, is := a.Path(), b.Path()
	unit := systemUnit(a)
	return was != "" && was == is || a.Running.Inode != 0 && a.Running == b.Running || unit != "" && unit == systemUnit(b) ||
		slices.Contains(k.Programs, was) && slices.Contains(k.Programs, is)
}

// Holders says whether some process that holds one of two listeners is kin to one that
// holds the other.
func (k *Kin) Holders(a, b *listener.Listener) bool {
	return slices.ContainsFunc(a.Owners, func(o listener.Owner) bool { return k.Any(&o, b) })
}

// Any says whether some process that holds a listener is kin to this one.
func (k *Kin) Any(o *listener.Owner, l *listener.Listener) bool {
	return slices.ContainsFunc(l.Owners, func(other listener.Owner) bool { return k.Are(o, &other) })
}

// systemUnit is the service of the system's service manager that a process belongs to, ""
// for none. Users name units in their own slices as they like, and whoever was given a
// unit's cgroup names those below it.
func systemUnit(o *listener.Owner) string {
	for name := range strings.SplitSeq(strings.TrimPrefix(o.Cgroup, "/"), "/") {
		switch {
		case name == "user.slice":
			return ""
		case strings.HasSuffix(name, ".service"):
			return name
		case !strings.HasSuffix(name, ".slice"):
			return ""
		}
	}
	return ""
}
