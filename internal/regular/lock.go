package regular

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock is asked for that another process has.
const lockPoll = 2 * time.Millisecond

// ErrLocked says that another process holds the lock of a file.
var ErrLocked = errors.New("another process holds its lock")

// Lock locks an open file for this descriptor, and waits so long for whoever has the lock:
// he may be stopped while he holds it. It ends with the descriptor.
func Lock(f *os.File, wait time.Duration) error {
	for until := time.Now().Add(wait); ; time.Sleep(lockPoll) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("lock it: %w", err)
		case time.Now().After(until):
			return ErrLocked
		}
	}
}
