package proc

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// netnsDir is where ip-netns(8) keeps its names. (/var/run is a link to /run.)
const netnsDir = "/run/netns"

// Netns is a network namespace.
type Netns struct {
	Inode uint32 // of nsfs, what `ip netns` and `lsns -t net` print
	Name  string // its name under /run/netns, or ""
	Path  string // can be opened: a mount if it has one (it outlives processes), else /proc/PID/ns/net
}

// NetNamespaces finds every network namespace that a process is in or that a
// mount keeps, sorted by inode. One that is held by a descriptor or a socket
// alone, or by a single thread of a process (setns(2) moves threads), is not to
// be found this way. Processes that end meanwhile are skipped.
//
// The pids of processes that may not be looked into (that takes CAP_SYS_PTRACE,
// and a hardened host denies pid 1 even so) are returned as denied: what they
// alone are in is missing from the list.
func (f FS) NetNamespaces() (found []Netns, denied []int, err error) {
	byProcess, denied, err := f.processNetns()
	if err != nil {
		return nil, nil, fmt.Errorf("find network namespaces: %w", err)
	}
	mounts, err := f.netnsMounts()
	if err != nil {
		return nil, nil, fmt.Errorf("find network namespaces: %w", err)
	}
	return mergeNetns(byProcess, mounts), denied, nil
}

// NetnsNames gives the names of network namespaces by inode: of those alone that have
// one. No process is looked at.
func (f FS) NetnsNames() (map[uint32]string, error) {
	mounts, err := f.netnsMounts()
	if err != nil {
		return nil, fmt.Errorf("find the names of network namespaces: %w", err)
	}
	names := make(map[uint32]string)
	for _, ns := range mergeNetns(nil, mounts) {
		if ns.Name != "" {
			names[ns.Inode] = ns.Name
		}
	}
	return names, nil
}

// processNetns maps the namespaces of all processes to a path to open each by.
func (f FS) processNetns() (paths map[uint32]string, denied []int, err error) {
	pids, err := pidsIn(f.Root())
	if err != nil {
		return nil, nil, err
	}
	paths = map[uint32]string{}
	for _, pid := range pids {
		inode, path, err := f.netnsOf(pid)
		switch {
		case err == nil:
			if _, known := paths[inode]; !known {
				paths[inode] = path
			}
		case errors.Is(err, fs.ErrPermission):
			denied = append(denied, pid)
		}
	}
	return paths, denied, nil
}

// netnsOf reads one link. A process whose leader has ended has no link of its
// own any more, but its other threads live in the namespace and may listen in
// it: one of them is asked instead.
func (f FS) netnsOf(pid int) (inode uint32, path string, err error) {
	path = f.pidPath(pid, "ns", "net")
	inode, err = readNetnsLink(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return inode, path, err
	}
	threads, _ := pidsIn(f.pidPath(pid, "task"))
	for _, tid := range threads {
		threadPath := f.pidPath(pid, "task", strconv.Itoa(tid), "ns", "net")
		if inode, threadErr := readNetnsLink(threadPath); threadErr == nil {
			return inode, threadPath, nil
		}
	}
	return 0, path, err
}

func readNetnsLink(path string) (uint32, error) {
	link, err := readLink(path)
	if err != nil {
		return 0, err
	}
	inode, ok := parseNetnsLink(link)
	if !ok {
		return 0, fmt.Errorf("readlink %s: %q is no network namespace", path, link)
	}
	return inode, nil
}

// pidsIn lists the names of a directory that are numbers, in order, without a
// stat of each.
func pidsIn(dir string) ([]int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, ioError("open", dir, err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, ioError("list", dir, err)
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// netnsMounts lists the mounts that keep a network namespace and that can be
// opened, ours first. In a container that shares the host's pid namespace our
// own mounts lack the host's /run/netns, and pid 1's are reached through its
// root.
func (f FS) netnsMounts() ([]nsMount, error) {
	b, err := readFile(f.path("self", "mountinfo"))
	if err != nil {
		return nil, err
	}
	mounts := parseNetnsMounts(b)
	ours, err1 := readLink(f.path("self", "ns", "mnt"))
	inits, err2 := readLink(f.pidPath(1, "ns", "mnt"))
	if err1 == nil && err2 == nil && ours == inits {
		return openable(mounts), nil
	}
	if b, err := readFile(f.pidPath(1, "mountinfo")); err == nil {
		for _, m := range parseNetnsMounts(b) {
			m.path = f.pidPath(1, "root") + m.path
			mounts = append(mounts, m)
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

// mergeNetns makes one Netns of each inode, sorted.
func mergeNetns(byProcess map[uint32]string, mounts []nsMount) []Netns {
	merged := map[uint32]Netns{}
	for inode, path := range byProcess {
		merged[inode] = Netns{Inode: inode, Path: path}
	}
	mounted := map[uint32]bool{}
	for _, m := range mounts {
		ns, name := merged[m.inode], netnsName(m.path)
		if !mounted[m.inode] || (ns.Name == "" && name != "") {
			merged[m.inode] = Netns{Inode: m.inode, Name: name, Path: m.path}
		}
		mounted[m.inode] = true
	}
	return slices.SortedFunc(maps.Values(merged), func(a, b Netns) int {
		return cmp.Compare(a.Inode, b.Inode)
	})
}

// netnsName is the name of a mount directly under /run/netns, of ours or of
// pid 1's root; otherwise "".
func netnsName(path string) string {
	dir, name := filepath.Split(path)
	if dir == netnsDir+"/" || strings.HasSuffix(dir, "/1/root"+netnsDir+"/") {
		return name
	}
	return ""
}
