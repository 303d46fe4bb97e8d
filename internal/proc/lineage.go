package proc

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Ancestor is a process above another one, with what tells it from a later one of
// its pid.
type Ancestor struct {
	PID        int
	StartTicks uint64 // 1/100 s since boot
	Comm       string // any bytes
	Exe        string // "" when it may not be known
	// Init: orphans below it become its children. It is that of a pid namespace, or
	// systemd, also of one user.
	Init bool
}

// Lineage gives the session of a process and what is above it, nearest first, up
// to the first that is an init, 32 at most. What may not be looked into ends it.
// The error is [fs.ErrNotExist] when the process itself has gone.
func (f FS) Lineage(pid int) (session int, above []Ancestor, err error) {
	st, err := f.stat(pid)
	if err != nil {
		return 0, nil, fmt.Errorf("lineage of pid %d: %w", pid, err)
	}
	session = st.session
	seen := map[int]bool{pid: true} // as in FS.parents
	for next := st.ppid; len(above) < maxParents && next > 0 && !seen[next]; {
		a, ppid, known := f.ancestor(next)
		if !known {
			break
		}
		above = append(above, a)
		if a.Init {
			break
		}
		seen[next] = true
		next = ppid
	}
	return session, above, nil
}

// ancestor describes one, and says what is above it.
func (f FS) ancestor(pid int) (a Ancestor, ppid int, known bool) {
	st, err := f.stat(pid)
	if err != nil {
		return Ancestor{}, 0, false
	}
	a = Ancestor{PID: pid, StartTicks: st.startTicks, Comm: st.comm, Init: pid == 1}
	if exe, err := readLink(f.pidPath(pid, "exe")); err == nil {
		a.Exe = exe
	}
	if status, err := f.status(pid); err == nil {
		a.Init = a.Init || status.nsPID == 1
	}
	a.Init = a.Init || filepath.Base(a.Exe) == "systemd"
	return a, st.ppid, true
}

// Modified is when the regular file that a process names so was last written, by
// the wall clock and since boot. A process that went into a chroot after it had
// read the file is looked at from its mount namespace's root, if that is ours.
func (f FS) Modified(pid int, name string) (at time.Time, sinceBoot time.Duration, err error) {
	if !filepath.IsAbs(name) {
		cwd, err := readLink(f.pidPath(pid, "cwd"))
		if err != nil {
			return time.Time{}, 0, err
		}
		name = filepath.Join(cwd, name)
	}
	info, err := os.Stat(f.pidPath(pid, "root", name))
	if err != nil && f.sameMounts(pid) {
		info, err = os.Stat(f.pidPath(1, "root", name))
	}
	if err != nil {
		return time.Time{}, 0, ioError("stat", name, err)
	}
	if !info.Mode().IsRegular() {
		return time.Time{}, 0, fmt.Errorf("%s is no regular file: %w", name, fs.ErrInvalid)
	}
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return time.Time{}, 0, fmt.Errorf("read the clock since boot: %w", err)
	}
	return info.ModTime(), time.Duration(boot.Nano()) - time.Since(info.ModTime()), nil
}

func (f FS) sameMounts(pid int) bool {
	theirs, err := readLink(f.pidPath(pid, "ns", "mnt"))
	if err != nil {
		return false
	}
	first, err := readLink(f.pidPath(1, "ns", "mnt"))
	return err == nil && first == theirs
}
