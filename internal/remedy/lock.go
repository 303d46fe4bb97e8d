package remedy

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
)

// lock is the right to act in one network namespace, which one agent of the host has
// at a time; the kernel takes it back when the agent ends, however it ends. A lock on the
// file of the namespace would not do: anybody can open that of his own and lock it for ever.
type lock struct {
	file   *os.File // keeps the namespace, and leads into it
	claim  io.Closer
	cookie uint64
	users  int
}

// namespace gives the way into the namespace, for as long as the lock is held.
func (l *lock) namespace() netns.Namespace { return netns.OfFile(l.file) }

// openNamespace opens a network namespace and compares its cookie, for inode numbers are
// reused at once.
func (a *Actor) openNamespace(inode uint32, cookie uint64) (*os.File, error) {
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

// lock acquires the right to act in the namespace of a cookie, and owns the file that leads
// into it. Several acts of this agent share one lock.
func (a *Actor) lock(f *os.File, cookie uint64) (*lock, error) {
	a.claiming.Lock() // a second claim of our own would find the first
	defer a.claiming.Unlock()
	if held := a.share(cookie); held != nil {
		f.Close()
		return held, nil
	}
	claim, err := a.Kernel.Claim(cookie)
	if err != nil {
		f.Close()
		if errors.Is(err, listener.ErrClaimed) {
			err = fmt.Errorf("%w: %w", ErrChanged, err)
		}
		return nil, fmt.Errorf("lock the network namespace of cookie %d: %w", cookie, err)
	}
	l := &lock{file: f, claim: claim, cookie: cookie, users: 1}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.locks[cookie] = l
	return l, nil
}

// share gives the lock that another act of this agent has already, nil for none.
func (a *Actor) share(cookie uint64) *lock {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.locks[cookie]
	if held != nil {
		held.users++
	}
	return held
}

func (a *Actor) unlock(l *lock) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.users--; l.users > 0 {
		return
	}
	delete(a.locks, l.cookie)
	_ = l.claim.Close() // a descriptor is closed whatever the error says
	l.file.Close()
}

// Idle says that no agent acts in a namespace now, or that the namespace has gone.
func (a *Actor) Idle(inode uint32, cookie uint64) bool {
	f, err := a.openNamespace(inode, cookie)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	held, err := a.lock(f, cookie)
	if err != nil {
		return false
	}
	a.unlock(held)
	return true
}
