// Package journal keeps what must be known of acts after them. For a person who asks
// later what was done, to whom and why: a log in which each act stands before it is begun
// and again when it has ended, and bundles of the evidence. For later runs, in a folder:
// which acts were begun, for the budget, what one has turned on in the kernel and not off
// again, and whether the operator disarmed everything.
package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
)

// Log is the log of acts: JSON lines, each on the disk before the call that
// wrote it returns. A nil Log keeps nothing. Several processes may append to one.
type Log struct {
	path  string
	limit int64 // rotated when larger
	wait  time.Duration
	sync  func(*os.File) error // of tests, where it fails
	now   func() time.Time     // of tests, where it stands

	mu   sync.Mutex
	file *os.File // nil when closed
	full int64    // rotation is tried again when larger
	owed owed
}

// OpenLog opens a log, and makes it if there is none.
func OpenLog(path string) (*Log, error) {
	l := &Log{path: path, limit: rotateAt, wait: lockWait, sync: (*os.File).Sync, now: time.Now}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Log) open() error {
	f, err := regular.Open(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return fmt.Errorf("open the audit log: %w", err)
	}
	if err := regular.SyncDir(filepath.Dir(l.path)); err != nil {
		return fmt.Errorf("open the audit log: %w", errors.Join(err, f.Close()))
	}
	l.file, l.full = f, l.limit
	return nil
}

// Intent keeps that an act is about to be begun. After an error it must not be.
func (l *Log) Intent(a *listener.Act) error { return l.add(intent, a) }

// Outcome keeps how an act ended.
func (l *Log) Outcome(a *listener.Act) error { return l.add(outcome, a) }

func (l *Log) add(k kind, a *listener.Act) error {
	if l == nil {
		return nil
	}
	return l.keep(newEntry(k, l.now(), a))
}

func (l *Log) keep(e entry) error {
	line, err := e.line()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		err = l.keepLine(&e, line)
	}
	if err != nil {
		return fmt.Errorf("keep the %s of act %s on pid %d in the audit log %s: %w", e.Kind, e.ActID, e.PID, l.path, err)
	}
	return nil
}

// keepLine keeps a line, after those that are owed.
func (l *Log) keepLine(e *entry, line []byte) error {
	err := l.pay()
	if err == nil {
		err = l.append(line, e.Kind == intent)
	}
	if e.Kind == outcome {
		l.owed.ends(e, line, err)
	}
	if err != nil {
		return err
	}
	if err := l.sync(l.file); err != nil {
		return err
	}
	if e.Kind == intent {
		l.owed.begins(e)
	}
	return nil
}

// append writes a line by one write, so that a reader who takes no lock sees
// whole lines too.
func (l *Log) append(line []byte, mayRotate bool) error {
	if err := l.lock(mayRotate); err != nil {
		return err
	}
	defer l.unlock()
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		var last [1]byte
		if _, err := l.file.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' { // whoever wrote it died in between
			line = append([]byte{'\n'}, line...)
		}
	}
	return l.write(line, info.Size())
}

// write writes a line by one call, and takes back what a full disk left of it after what
// the log had.
func (l *Log) write(line []byte, had int64) error {
	for fd := int(l.file.Fd()); ; {
		n, err := unix.Write(fd, line)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n < len(line):
			// Where it cannot be taken back, for one may only append, the next line ends it.
			_ = unix.Ftruncate(fd, had)
			return io.ErrShortWrite
		default:
			return nil
		}
	}
}

// Close ends the use of the log, once it has what it still lacked where there is room by now.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.pay(), l.file.Close())
	l.file = nil
	if err != nil {
		return fmt.Errorf("close the audit log %s: %w", l.path, err)
	}
	return nil
}
