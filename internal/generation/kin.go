package generation

import (
	"slices"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Kin says which processes are siblings: those that run one program in one place. Other
// members of a group are strangers, for any process of the same user in the network namespace
// can join. For the zero value a program is its file, and a place a container.
type Kin struct {
	Within   listener.Place
	Programs []string // paths of executables that are one program
}

// Are says whether two processes run one program in one place. What is not known of
// either tells them apart.
func (k *Kin) Are(a, b *listener.Owner) bool { return k.SamePlace(a, b) && k.sameProgram(a, b) }

// SamePlace says whether two processes live in one place. A pid or user namespace of its own
// is a place too, for not every container runtime is recognised by its cgroups.
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

// placeKnown says that its cgroups could be read, by which containers are recognised.
func placeKnown(o *listener.Owner) bool { return o.Exe != "" || o.Cgroup != "" }

// sameProgram says whether two processes run one program: the same path, also if the file was
// replaced since; the same file, whatever its path; one unit of the system's service manager;
// or executables that the policy calls one program.
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

// systemUnit gives the service of the system's service manager that a process belongs to, ""
// for none. Units in slices of users do not count, for users name them as they like, nor
// cgroups below a unit, for the unit names them.
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
