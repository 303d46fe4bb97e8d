package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/reusewatch/reusewatch/internal/regular"
)

// lockWait bounds the wait for another process that writes into the log or the folder: it
// may be stopped while it holds the lock. An act that cannot be kept is not begun.
const lockWait = 5 * time.Second

// maxFile bounds what is read of a file: a day of acts is far less.
const maxFile = 16 << 20

// Dir is the state folder.
type Dir struct{ path string }

// NewDir uses a folder; nothing is made until something must be kept. "" keeps
// nothing beyond the run.
func NewDir(path string) Dir { return Dir{path} }

// Disarmed says whether a file "disarmed" is in the folder: `touch` it, and no
// act is begun any more. What cannot be looked at counts as disarmed.
func (d Dir) Disarmed() bool {
	if d.path == "" {
		return false
	}
	_, err := os.Lstat(filepath.Join(d.path, "disarmed"))
	return !errors.Is(err, fs.ErrNotExist)
}

// Check says why the folder must not be used.
func (d Dir) Check() error {
	if d.path == "" {
		return nil
	}
	if err := regular.Ours(d.path); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// readFile reads a file of the folder; none is nothing.
func readFile[T any](path string, parse func([]byte) (T, error)) (T, error) {
	var none T
	f, err := regular.Open(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err == nil {
		defer f.Close()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err == nil && len(b) > maxFile {
			err = fmt.Errorf("it is larger than %d bytes", maxFile)
		}
		if err == nil {
			var v T
			if v, err = parse(b); err == nil {
				return v, nil
			}
		}
	}
	return none, fmt.Errorf("read %s: %w; look at it, and remove it to begin anew", path, err)
}

// alone reads and writes as the only one who does: a daemon and a person's command may act
// at a time, and each must count what the other did. The lock is a file that only root can
// open, and stays.
func (d Dir) alone(do func() error) error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	if err := d.Check(); err != nil {
		return err
	}
	f, err := regular.Open(filepath.Join(d.path, "lock"), os.O_RDWR|os.O_CREATE)
	if err == nil {
		defer f.Close()
		err = regular.Lock(f, lockWait)
	}
	if err != nil {
		return fmt.Errorf("lock the state folder %s: %w", d.path, err)
	}
	return do()
}

// writeFile writes a file of the folder, by whoever is alone.
func writeFile(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := regular.Replace(path, b); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Sweep removes what a run left half written that was killed.
func (d Dir) Sweep() error {
	if d.path == "" {
		return nil
	}
	for _, path := range []string{regular.Unfinished(d.acts()), regular.Unfinished(d.rescue())} {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err := d.alone(func() error { return os.Remove(path) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what was left half written: %w", err)
		}
	}
	return nil
}
