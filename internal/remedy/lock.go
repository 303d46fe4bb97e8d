package remedy

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/netns"
)

// lock is the right to act in one network namespace, which one agent has at a
// time; the kernel takes it back when the agent ends, however it ends. The open
// file keeps the namespace too.
type lock struct {
	file  *os.File
	inode uint32
	users int
}

// namespace leads into it for as long as the lock is held.
func (l *lock) namespace() netns.Namespace { return netns.OfFile(l.file) }

// find opens a network namespace, and compares its cookie: inode numbers are given out
// again at once.
func (a *Actor) find(inode uint32, cookie uint64) (*os.File, error) {
	f, err := a.Kernel.Namespace(inode)
	if err != nil {
		return nil, err
	}
	got, err := cookieOf(netns.OfFile(f))
	if err == nil && got != cookie {
		err = fmt.Errorf("network namespace %d is another one by now: %w", inode, os.ErrNotExist)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func cookieOf(n netns.Namespace) (cookie uint64, err error) {
	err = n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open a socket in network namespace %s: %w", n, err)
		}
		defer unix.Close(fd)
		if cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE); err != nil {
			return fmt.Errorf("read the cookie of network namespace %s: %w", n, err)
		}
		return nil
	})
	return cookie, err
}

// lock takes the right to act in a namespace, and f with it; of one's own acts
// several may.
func (a *Actor) lock(f *os.File) (*lock, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, fmt.Errorf("stat a network namespace: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if held := a.locks[uint32(st.Ino)]; held != nil {
		f.Close()
		held.users++
		return held, nil
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: another reusewatch acts in network namespace %d", ErrChanged, st.Ino)
		}
		return nil, fmt.Errorf("lock network namespace %d: %w", st.Ino, err)
	}
	l := &lock{file: f, inode: uint32(st.Ino), users: 1}
	a.locks[l.inode] = l
	return l, nil
}

func (a *Actor) unlock(l *lock) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(a.locks, l.inode)
		l.file.Close()
	}
}

// Idle says whether no agent acts in a namespace now; one that has gone is idle.
func (a *Actor) Idle(inode uint32, cookie uint64) bool {
	f, err := a.find(inode, cookie)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	held, err := a.lock(f)
	if err != nil {
		return false
	}
	a.unlock(held)
	return true
}
