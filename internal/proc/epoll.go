package proc

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
)

// maxEpollFiles bounds how many descriptors are looked through for epoll sets.
const maxEpollFiles = 16384

var errTooManyFiles = errors.New("too many descriptors to look through for epoll sets")

// InEpoll says whether some epoll set of a process has the socket with this
// inode, as the tfd lines of /proc/PID/fdinfo/FD tell (proc_pid_fdinfo(5), ino
// since Linux 4.12). The error is [fs.ErrNotExist] when the process has gone.
func (f FS) InEpoll(pid int, inode uint64) (bool, error) {
	fds, err := pidsIn(f.pidPath(pid, "fd"))
	if err != nil {
		return false, err
	}
	if len(fds) > maxEpollFiles {
		return false, errTooManyFiles
	}
	for _, fd := range fds {
		name := strconv.Itoa(fd)
		target, err := readLink(f.pidPath(pid, "fd", name))
		if err != nil || filepath.Base(target) != "anon_inode:[eventpoll]" {
			continue // closed meanwhile, or something else
		}
		b, err := readFile(f.pidPath(pid, "fdinfo", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if epollHas(b, inode) {
			return true, nil
		}
	}
	return false, nil
}

// epollHas looks for a line such as
// "tfd:        5 events:       19 data:                5  pos:0 ino:1f5f sdev:8".
func epollHas(fdinfo []byte, inode uint64) bool {
	for line := range bytes.Lines(fdinfo) {
		if !bytes.HasPrefix(line, []byte("tfd:")) {
			continue
		}
		_, rest, found := bytes.Cut(line, []byte(" ino:"))
		hex, _, _ := bytes.Cut(rest, []byte(" "))
		if n, err := strconv.ParseUint(string(bytes.TrimSpace(hex)), 16, 64); found && err == nil && n == inode {
			return true
		}
	}
	return false
}
