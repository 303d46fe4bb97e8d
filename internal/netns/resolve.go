package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/text"
)

// maxKnown bounds how many names an error message lists.
const maxKnown = 10

// Resolve finds the network namespace that a --netns flag names: digits are an inode,
// "pid:N" is that of a process, what contains a '/' is a path, and anything else a name
// under /run/netns. The caller closes the file. The error repeats spec and tells the
// way out.
func (m Mounts) Resolve(spec string) (Namespace, *os.File, error) {
	ns, err := m.resolve(spec)
	var f *os.File
	if err == nil {
		f, err = ns.Open()
	}
	if err != nil {
		return Namespace{}, nil, fmt.Errorf("unknown network namespace %q: %w", spec, wayOut(ns, err))
	}
	if ns.Inode == 0 {
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil {
			f.Close()
			return Namespace{}, nil, fmt.Errorf("stat network namespace %q: %w", spec, err)
		}
		ns.Inode = uint32(st.Ino)
	}
	if ns.Name == "" {
		names, _ := m.Names() // a name is an extra, not worth an error
		ns.Name = names[ns.Inode]
	}
	return ns, f, nil
}

// wayOut says in the caller's words why a process leads nowhere.
func wayOut(ns Namespace, err error) error {
	switch {
	case ns.PID == 0:
		return err
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL): // setns() of one that has ended, and waits for its parent
		return fmt.Errorf("no process %d: %w", ns.PID, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("not allowed to look into it (that takes CAP_SYS_PTRACE): %w", err)
	default:
		return err
	}
}

func (m Mounts) resolve(spec string) (Namespace, error) {
	pid, isPID := strings.CutPrefix(spec, "pid:")
	switch {
	case spec == "":
		return Namespace{}, errors.New("give an inode, a name under /run/netns, a path, or pid:N")
	case isPID:
		n, err := strconv.Atoi(pid)
		if err != nil || n <= 0 {
			return Namespace{}, errors.New("want pid:N with N a process id")
		}
		return OfProcess(n), nil
	case strings.Contains(spec, "/"):
		inode, err := inodeOf(spec)
		return Namespace{Inode: inode, Path: spec}, err
	case strings.Trim(spec, "0123456789") == "":
		return m.byInode(spec)
	default:
		return m.byName(spec)
	}
}

func (m Mounts) byInode(digits string) (Namespace, error) {
	mounted, err := m.All()
	if err != nil {
		return Namespace{}, err
	}
	var denied []int
	if inode, err := strconv.ParseUint(digits, 10, 32); err == nil {
		for _, ns := range mounted {
			if ns.Inode == uint32(inode) {
				return ns, nil
			}
		}
		var ns Namespace
		if ns, denied, err = m.process(uint32(inode)); err != nil || ns.PID != 0 {
			return ns, err
		}
	}
	for _, dir := range m.nameDirs() {
		path := dir + "/" + digits
		if _, err := inodeOf(path); err == nil {
			return Namespace{}, fmt.Errorf("digits are an inode; the name %s is written %s", digits, path)
		}
	}
	if len(denied) > 0 {
		return Namespace{}, fmt.Errorf("no process or mount in sight has that inode; `lsns -t net` lists them; "+
			"%d processes, pid %d first, may not be looked into: %w", len(denied), denied[0], fs.ErrPermission)
	}
	return Namespace{}, errors.New("no process or mount has that inode; `lsns -t net` lists them")
}

// process seeks one in a namespace: a thread goes from one to the next. The pids of
// those that it may not follow are denied.
func (m Mounts) process(want uint32) (found Namespace, denied []int, err error) {
	pids, err := m.pids()
	if err != nil {
		return Namespace{}, nil, fmt.Errorf("find network namespaces: %w", err)
	}
	errs := Own().Do(func() error {
		for _, pid := range pids {
			n := OfProcess(pid)
			way, err := n.way()
			if err != nil {
				continue // it went away
			}
			err = unix.Setns(int(way.Fd()), unix.CLONE_NEWNET)
			way.Close()
			if errors.Is(err, unix.EPERM) {
				if n.linksTo(want) {
					found = n
					return nil
				}
				denied = append(denied, pid)
			}
			if err != nil {
				continue
			}
			if n.Inode, err = AtPath("/proc/thread-self/ns/net").Number(); err == nil && n.Inode == want {
				found = n
				return nil
			}
		}
		return nil
	})
	return found, denied, errs
}

// linksTo says whether the link of a process, which may not be entered, is to this
// namespace.
func (n *Namespace) linksTo(want uint32) bool {
	link, err := inTime(func() (string, error) { return os.Readlink(n.link()) })
	if err != nil {
		return false
	}
	n.Inode, _ = parseLink(link)
	return n.Inode == want
}

// pids lists the processes, without a look at any of them.
func (m Mounts) pids() ([]int, error) {
	d, err := os.Open(m.path())
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
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

func (m Mounts) byName(name string) (Namespace, error) {
	for _, dir := range m.nameDirs() {
		path := dir + "/" + name
		inode, err := inodeOf(path)
		// A hardened host lets nobody into pid 1's root.
		if errors.Is(err, fs.ErrNotExist) || dir != namesDir && errors.Is(err, fs.ErrPermission) {
			continue
		}
		return Namespace{Inode: inode, Name: name, Path: path}, err
	}
	known := "none"
	if names := m.names(); len(names) > maxKnown {
		known = fmt.Sprintf("%s and %d more", strings.Join(names[:maxKnown], ", "), len(names)-maxKnown)
	} else if len(names) > 0 {
		known = strings.Join(names, ", ")
	}
	return Namespace{}, fmt.Errorf("no %s; known: %s; an inode, a path or pid:N will do too",
		text.Printable(namesDir+"/"+name), known)
}

// nameDirs are the places where names live: our own, and the host's when we run in a
// container that shares its pid namespace.
func (m Mounts) nameDirs() []string {
	return []string{namesDir, m.path("1", "root") + namesDir}
}

// names lists the names there are, sorted, safe to print.
func (m Mounts) names() []string {
	var names []string
	for _, dir := range m.nameDirs() {
		entries, _ := os.ReadDir(dir) // not there: no names
		for _, entry := range entries {
			names = append(names, text.Printable(entry.Name()))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// inodeOf returns the inode of the network namespace at path, and an error when there
// is something else. It asks for the file system first: opening a FIFO or a device
// could block or act.
func inodeOf(path string) (uint32, error) {
	var sfs unix.Statfs_t
	if err := unix.Statfs(path, &sfs); err != nil {
		return 0, fmt.Errorf("stat %q: %w", path, err)
	}
	if sfs.Type != unix.NSFS_MAGIC {
		return 0, fmt.Errorf("%q is no namespace (a leftover that nothing is mounted on?)", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	kind, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_NSTYPE)
	if err != nil {
		return 0, fmt.Errorf("ask for the kind of namespace %q: %w", path, err)
	}
	if kind != unix.CLONE_NEWNET {
		return 0, fmt.Errorf("%q is a namespace of another kind, not a network namespace", path)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return 0, fmt.Errorf("stat %q: %w", path, err)
	}
	return uint32(st.Ino), nil
}
