// Package netns finds network namespaces, and enters them for what only a thread
// inside can do.
//
// A process is never asked for its namespace by /proc/PID/ns/net: that waits while
// the process hangs in exec. A pidfd leads there too, and waits for nobody.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace with a way into it.
type Namespace struct {
	Inode uint32 // of nsfs, what `ip netns` and `lsns -t net` print; 0: not known
	Name  string // its name under /run/netns, or ""
	Path  string // a mount, or a descriptor of ours below /proc/self/fd; "": by a process
	PID   int    // a process that is in it
	TID   int    // a thread of it that is; 0: its leader is
}

// AtPath is the namespace that a file of nsfs is, such as a mount below /run/netns.
func AtPath(path string) Namespace { return Namespace{Path: path} }

// OfFile is the namespace that an open file is, for as long as it is open.
func OfFile(f *os.File) Namespace { return AtPath(fmt.Sprintf("/proc/self/fd/%d", f.Fd())) }

// OfProcess is the namespace that the leader of a process is in.
func OfProcess(pid int) Namespace { return Namespace{PID: pid} }

// Own is the namespace of this process.
func Own() Namespace { return AtPath("/proc/self/ns/net") }

// String names it for a message.
func (n Namespace) String() string {
	switch {
	case n.Path != "":
		return n.Path
	case n.Inode != 0:
		return fmt.Sprintf("%d of pid %d", n.Inode, n.PID)
	default:
		return fmt.Sprintf("of pid %d", n.PID)
	}
}

// Do runs fn on a thread that has entered the namespace. A thread that cannot come
// back dies with its goroutine. The error is unix.ESRCH where the process that was
// the way has gone, and fs.ErrNotExist where the path has.
func (n Namespace) Do(fn func() error) error {
	errs := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		errs <- n.away(fn)
	}()
	return <-errs
}

// Open keeps the namespace by a descriptor; it outlives its processes then.
func (n Namespace) Open() (f *os.File, err error) {
	if n.Path != "" {
		if f, err = os.Open(n.Path); err != nil {
			return nil, fmt.Errorf("open network namespace: %w", err)
		}
		return f, nil
	}
	err = n.Do(func() error {
		f, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if errors.Is(err, fs.ErrPermission) {
		// To enter it takes CAP_SYS_ADMIN, to name it CAP_SYS_PTRACE alone.
		return inTime(func() (*os.File, error) { return os.Open(n.link()) })
	}
	return f, err
}

// link is that of a process in /proc. Who follows it may wait for ever: see inTime.
func (n Namespace) link() string { return fmt.Sprintf("/proc/%d/ns/net", n.PID) }

// linkWithin is far longer than it takes to follow a link.
const linkWithin = 2 * time.Second

// errHangs: the process is in the middle of an exec that does not end.
var errHangs = errors.New("its process hangs")

// inTime runs what may hang, and gives it up after a while. The thread that hangs so
// ends with ours, or when it can.
func inTime[T any](do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-time.After(linkWithin):
		var none T
		return none, errHangs
	}
}

// away leaves the thread locked, and so to die, unless it has come home.
func (n Namespace) away(fn func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer home.Close()
	err = n.enter(home, fn)
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}

func (n Namespace) enter(home *os.File, fn func() error) error {
	way, err := n.way()
	if err != nil {
		return err
	}
	defer way.Close()
	if n.is(home, way) {
		return fn() // to enter even this one takes CAP_SYS_ADMIN
	}
	if err := unix.Setns(int(way.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", n, err)
	}
	return fn()
}

// way is what setns() takes: a file of nsfs, or a pidfd (5.8). That of a thread which
// is no leader is of 6.9; before, such a thread is asked by its link, which is safe:
// its leader has ended, and so it is not in the middle of an exec.
func (n Namespace) way() (*os.File, error) {
	if n.Path != "" {
		f, err := os.Open(n.Path)
		if err != nil {
			return nil, fmt.Errorf("open network namespace: %w", err)
		}
		return f, nil
	}
	id, flags := n.PID, 0
	if n.TID != 0 && n.TID != n.PID {
		id, flags = n.TID, unix.PIDFD_THREAD
	}
	fd, err := unix.PidfdOpen(id, flags)
	switch {
	case flags != 0 && errors.Is(err, unix.EINVAL):
		return AtPath(fmt.Sprintf("/proc/%d/task/%d/ns/net", n.PID, n.TID)).way()
	case err != nil:
		return nil, fmt.Errorf("open pidfd of %d: %w", id, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// is says whether a way leads home.
func (n Namespace) is(home, way *os.File) bool {
	one, err := home.Stat()
	if err != nil {
		return false
	}
	if n.Path == "" {
		st, ok := one.Sys().(*unix.Stat_t)
		return ok && n.Inode != 0 && st.Ino == uint64(n.Inode)
	}
	other, err := way.Stat()
	return err == nil && os.SameFile(one, other)
}

// Number reads the inode of a namespace that is reached by a path.
func (n Namespace) Number() (uint32, error) {
	var st unix.Stat_t
	if err := unix.Stat(n.Path, &st); err != nil {
		return 0, fmt.Errorf("stat network namespace %s: %w", n.Path, err)
	}
	return uint32(st.Ino), nil
}
