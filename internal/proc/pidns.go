package proc

import "fmt"

// PIDNamespace is the inode of the pid namespace that a process is in: two
// processes with the same one end together when that namespace's first process
// does. It takes CAP_SYS_PTRACE for another user's process. The error is
// [fs.ErrNotExist] when the process has gone.
func (f FS) PIDNamespace(pid int) (uint32, error) {
	path := f.pidPath(pid, "ns", "pid")
	link, err := readLink(path)
	if err != nil {
		return 0, err
	}
	inode, ok := parseNSLink("pid", link)
	if !ok {
		return 0, fmt.Errorf("readlink %s: %q is no pid namespace", path, link)
	}
	return inode, nil
}
