package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/regular"
)

const (
	// rotateAt is where a log is rotated; keepOlder is how many older ones there are.
	rotateAt  = 16 << 20
	keepOlder = 4
)

// lock makes this process the only one that writes, to the file that has the
// log's name now: another one may have rotated it since the last line.
func (l *Log) lock(mayRotate bool) error {
	until := time.Now().Add(l.wait)
	for {
		if l.file == nil {
			return os.ErrClosed
		}
		if err := regular.Lock(l.file, time.Until(until)); err != nil {
			return err
		}
		current, size, err := l.current()
		if err != nil {
			l.unlock()
			return err
		}
		if current && mayRotate && size > l.full {
			if current, err = l.blocked(size); err == nil && !current {
				err = l.shift()
			}
			if err != nil {
				l.unlock()
				return err
			}
		}
		if current {
			return nil
		}
		old := l.file
		if err := l.open(); err != nil {
			l.unlock() // the next call tries again
			return err
		}
		if err := old.Close(); err != nil {
			return fmt.Errorf("leave the rotated log: %w", err)
		}
	}
}

// unlock cannot fail on a descriptor that was locked.
func (l *Log) unlock() { _ = unix.Flock(int(l.file.Fd()), unix.LOCK_UN) }

// current says whether the open file still has the log's name, and its size.
func (l *Log) current() (bool, int64, error) {
	named, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, err
	}
	info, err := l.file.Stat()
	if err != nil {
		return false, 0, err
	}
	return os.SameFile(named, info), info.Size(), nil
}

// blocked says whether an act is under way, whose two lines belong together.
// So that not every act reads the whole log, it is asked again when the log has
// grown by a part.
func (l *Log) blocked(size int64) (bool, error) {
	u := newUnfinished()
	if err := u.read(l.file, size); err != nil {
		return false, err
	}
	if len(u.open) > 0 {
		l.full = size + l.limit/16
	}
	return len(u.open) > 0, nil
}

// shift makes room for a new file under the log's name.
func (l *Log) shift() error {
	for n := keepOlder; n > 0; n-- {
		err := os.Rename(l.older(n-1), l.older(n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate: %w", err)
		}
	}
	return nil
}

// older names the n-th older file, 0 for the log itself.
func (l *Log) older(n int) string {
	if n == 0 {
		return l.path
	}
	return fmt.Sprintf("%s.%d", l.path, n)
}
