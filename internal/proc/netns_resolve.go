package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxKnown bounds how many names an error message lists.
const maxKnown = 10

// ResolveNetns finds the network namespace that a --netns flag names: digits
// are an inode, "pid:N" is that of a process, what contains a '/' is a path,
// and anything else a name under /run/netns. The error repeats spec and tells
// the way out.
func (f FS) ResolveNetns(spec string) (Netns, error) {
	ns, err := f.resolveNetns(spec)
	if err != nil {
		return Netns{}, fmt.Errorf("unknown network namespace %q: %w", spec, err)
	}
	if ns.Name == "" {
		ns.Name = f.nameOfNetns(ns.Inode)
	}
	return ns, nil
}

func (f FS) resolveNetns(spec string) (Netns, error) {
	pid, isPID := strings.CutPrefix(spec, "pid:")
	switch {
	case spec == "":
		return Netns{}, errors.New("give an inode, a name under /run/netns, a path, or pid:N")
	case isPID:
		return f.netnsByPID(pid)
	case strings.Contains(spec, "/"):
		inode, err := netnsInode(spec)
		return Netns{Inode: inode, Path: spec}, err
	case strings.Trim(spec, "0123456789") == "":
		return f.netnsByInode(spec)
	default:
		return f.netnsByName(spec)
	}
}

func (f FS) netnsByPID(digits string) (Netns, error) {
	pid, err := strconv.Atoi(digits)
	if err != nil || pid <= 0 {
		return Netns{}, errors.New("want pid:N with N a process id")
	}
	inode, path, err := f.netnsOf(pid)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Netns{}, fmt.Errorf("no process %d: %w", pid, err)
	case errors.Is(err, fs.ErrPermission):
		return Netns{}, fmt.Errorf("not allowed to look into process %d (it takes CAP_SYS_PTRACE): %w", pid, err)
	case err != nil:
		return Netns{}, err
	}
	return Netns{Inode: inode, Path: path}, nil
}

func (f FS) netnsByInode(digits string) (Netns, error) {
	all, denied, err := f.NetNamespaces()
	if err != nil {
		return Netns{}, err
	}
	if inode, err := strconv.ParseUint(digits, 10, 32); err == nil {
		for _, ns := range all {
			if ns.Inode == uint32(inode) {
				return ns, nil
			}
		}
	}
	for _, dir := range f.netnsDirs() {
		path := filepath.Join(dir, digits)
		if _, err := netnsInode(path); err == nil {
			return Netns{}, fmt.Errorf("digits are an inode; the name %s is written %s", digits, path)
		}
	}
	if len(denied) > 0 {
		return Netns{}, fmt.Errorf("no process or mount in sight has that inode; `lsns -t net` lists them; "+
			"%d processes, pid %d first, may not be looked into: %w", len(denied), denied[0], fs.ErrPermission)
	}
	return Netns{}, errors.New("no process or mount has that inode; `lsns -t net` lists them")
}

func (f FS) netnsByName(name string) (Netns, error) {
	for _, dir := range f.netnsDirs() {
		path := filepath.Join(dir, name)
		inode, err := netnsInode(path)
		// A hardened host lets nobody into pid 1's root.
		if errors.Is(err, fs.ErrNotExist) || dir != netnsDir && errors.Is(err, fs.ErrPermission) {
			continue
		}
		return Netns{Inode: inode, Name: name, Path: path}, err
	}
	known := "none"
	if names := f.netnsNames(); len(names) > maxKnown {
		known = fmt.Sprintf("%s and %d more", strings.Join(names[:maxKnown], ", "), len(names)-maxKnown)
	} else if len(names) > 0 {
		known = strings.Join(names, ", ")
	}
	return Netns{}, fmt.Errorf("no %s; known: %s; an inode, a path or pid:N will do too",
		Printable(netnsDir+"/"+name), known)
}

// netnsDirs are the places where names live: our own, and the host's when we
// run in a container that shares its pid namespace.
func (f FS) netnsDirs() []string {
	return []string{netnsDir, f.pidPath(1, "root") + netnsDir}
}

// netnsNames lists the names there are, sorted, safe to print.
func (f FS) netnsNames() []string {
	var names []string
	for _, dir := range f.netnsDirs() {
		entries, _ := os.ReadDir(dir) // not there: no names
		for _, entry := range entries {
			names = append(names, Printable(entry.Name()))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nameOfNetns finds the name of a namespace, or "".
func (f FS) nameOfNetns(inode uint32) string {
	mounts, _ := f.netnsMounts() // a name is an extra, not worth an error
	for _, m := range mounts {
		if name := netnsName(m.path); m.inode == inode && name != "" {
			return name
		}
	}
	return ""
}

// netnsInode returns the inode of the network namespace at path, and an error
// when there is something else. It asks for the file system first: opening a
// FIFO or a device could block or act.
func netnsInode(path string) (uint32, error) {
	var sfs unix.Statfs_t
	if err := unix.Statfs(path, &sfs); err != nil {
		return 0, ioError("stat", strconv.Quote(path), err)
	}
	if sfs.Type != unix.NSFS_MAGIC {
		return 0, fmt.Errorf("%q is no namespace (a leftover that nothing is mounted on?)", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, ioError("open", strconv.Quote(path), err)
	}
	defer file.Close()
	kind, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_NSTYPE)
	if err != nil {
		return 0, ioError("ask for the kind of namespace", strconv.Quote(path), err)
	}
	if kind != unix.CLONE_NEWNET {
		return 0, fmt.Errorf("%q is a namespace of another kind, not a network namespace", path)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return 0, ioError("stat", strconv.Quote(path), err)
	}
	return uint32(st.Ino), nil
}
