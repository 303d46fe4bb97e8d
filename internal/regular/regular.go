// Package regular opens files and folders that somebody else may have put where ours are
// to be: a link to another file of root's, a FIFO that makes whoever opens it wait.
package regular

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Err says that something is no regular file.
var Err = errors.New("not a regular file")

// Open follows no symbolic link in the last part of the path, and waits for no FIFO's
// other end. What it makes only its owner may read.
func Open(path string, flags int) (*os.File, error) {
	f, err := Follow(path, flags|unix.O_NOFOLLOW)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link: %w", path, Err)
	}
	return f, err
}

// Follow is Open of what an operator named, which may be a link: Kubernetes mounts
// configuration so.
func Follow(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, Err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Unfinished is where Replace writes what will have this path.
func Unfinished(path string) string { return path + ".new" }

// Replace leaves the old file or the new one, whole, whatever happens meanwhile: also where
// the power goes.
func Replace(path string, content []byte) error {
	next := Unfinished(path)
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) { // left by a crash, or by somebody
		return err
	}
	f, err := Open(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes a new name in a folder last.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Ours says why a folder must not be trusted with files of ours: whoever else may write
// into it can put links and FIFOs there, and take ours away. One that is not there yet is
// fine.
func Ours(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", path)
	}
	switch owner := info.Sys().(*syscall.Stat_t).Uid; {
	case owner != 0 && int(owner) != os.Geteuid():
		return fmt.Errorf("%s belongs to uid %d, who could have us write to any file: give it to root, or use another", path, owner)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write into %s, and could have us write to any file: chmod go-w it, or use another", path)
	}
	return nil
}
