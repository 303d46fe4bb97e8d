package netns

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// namesDir is where ip-netns(8) keeps its names. (/var/run is a link to /run.)
const namesDir = "/run/netns"

// Mounts reads which network namespaces a mount keeps, below one mounted proc file
// system. It looks at no process but this one and pid 1.
type Mounts struct{ proc string }

// NewMounts reads below proc; "" means /proc, as it does for the zero value.
func NewMounts(proc string) Mounts { return Mounts{proc} }

func (m Mounts) path(elem ...string) string {
	return filepath.Join(append([]string{cmp.Or(m.proc, "/proc")}, elem...)...)
}

// All gives each network namespace that a mount keeps and that can be opened, sorted
// by inode.
func (m Mounts) All() ([]Namespace, error) {
	mounts, err := m.mounts()
	if err != nil {
		return nil, fmt.Errorf("find the network namespaces that are mounted: %w", err)
	}
	return merge(mounts), nil
}

// Names gives the names of network namespaces by inode: of those alone that have one.
func (m Mounts) Names() (map[uint32]string, error) {
	all, err := m.All()
	if err != nil {
		return nil, err
	}
	names := make(map[uint32]string)
	for _, ns := range all {
		if ns.Name != "" {
			names[ns.Inode] = ns.Name
		}
	}
	return names, nil
}

// mounts lists the mounts that keep a network namespace and that can be
// opened, ours first. In a container that shares the host's pid namespace our
// own mounts lack the host's /run/netns, and pid 1's are reached through its
// root.
func (m Mounts) mounts() ([]nsMount, error) {
	b, err := os.ReadFile(m.path("self", "mountinfo"))
	if err != nil {
		return nil, err
	}
	mounts := parseMounts(b)
	ours, err1 := os.Readlink(m.path("self", "ns", "mnt"))
	inits, err2 := os.Readlink(m.path("1", "ns", "mnt"))
	if err1 == nil && err2 == nil && ours == inits {
		return openable(mounts), nil
	}
	if b, err := os.ReadFile(m.path("1", "mountinfo")); err == nil {
		for _, theirs := range parseMounts(b) {
			theirs.path = m.path("1", "root") + theirs.path
			mounts = append(mounts, theirs)
		}
	}
	return openable(mounts), nil
}

// openable drops mounts whose path leads elsewhere: covered by another mount,
// or in a directory that is closed to us.
func openable(mounts []nsMount) []nsMount {
	return slices.DeleteFunc(mounts, func(m nsMount) bool {
		var st unix.Stat_t
		err := unix.Stat(m.path, &st)
		return err != nil || st.Ino != uint64(m.inode)
	})
}

// merge makes one Namespace of each inode, sorted. One with a name is called by it.
func merge(mounts []nsMount) []Namespace {
	merged := make(map[uint32]Namespace)
	for _, m := range mounts {
		ns, name := merged[m.inode], nameOf(m.path)
		if ns.Path == "" || ns.Name == "" && name != "" {
			merged[m.inode] = Namespace{Inode: m.inode, Name: name, Path: m.path}
		}
	}
	return slices.SortedFunc(maps.Values(merged), func(a, b Namespace) int { return cmp.Compare(a.Inode, b.Inode) })
}

// nameOf is the name of a mount directly under /run/netns, of ours or of
// pid 1's root; otherwise "".
func nameOf(path string) string {
	dir, name := filepath.Split(path)
	if dir == namesDir+"/" || strings.HasSuffix(dir, "/1/root"+namesDir+"/") {
		return name
	}
	return ""
}
