package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/regular"
)

// ErrServed says that somebody serves on the socket already.
var ErrServed = errors.New("another daemon serves there")

// longestPath is what fits into a struct sockaddr_un, with its final zero byte.
const longestPath = 107

// socket is a bound one, with the lock that says whose it is.
type socket struct {
	net.Listener
	path string
	lock *os.File
}

// bind binds a socket that only its owner may connect to. One that a crashed
// daemon left is replaced; the lock beside it tells that from one in use.
func bind(path string) (*socket, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	lock, err := regular.Open(path+".lock", os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("lock the socket: %w", err)
	}
	s := &socket{path: path, lock: lock}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrServed
		}
		return nil, fmt.Errorf("serve on %s: %w", path, err)
	}
	if err = os.Remove(path); err == nil || errors.Is(err, os.ErrNotExist) {
		err = s.listen()
	}
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("serve on %s: %w", path, err)
	}
	return s, nil
}

func (s *socket) listen() error {
	short, done, err := shortPath(s.path)
	if err != nil {
		return err
	}
	defer done()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		// The kernel makes the file with the mode of the socket's own inode (unix_bind_bsd),
		// so it is never there for others, not for a moment.
		if failed := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); failed != nil {
			return failed
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "unix", short)
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // remove does, by the real path
	s.Listener = l
	return nil
}

// remove takes the socket away while the lock still says that it is ours.
func (s *socket) remove() error {
	err := os.Remove(s.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, s.lock.Close())
}

// connect connects to a socket, whatever the length of its path.
func connect(ctx context.Context, path string) (net.Conn, error) {
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	d := net.Dialer{Timeout: 2 * time.Second}
	return d.DialContext(ctx, "unix", short)
}

// shortPath gives a path that fits into an address, good until done is called.
func shortPath(path string) (_ string, done func(), _ error) {
	if len(path) <= longestPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}
