// Package proc reads what /proc says about processes and network namespaces.
//
// Parsing is kept apart from reading, and the root is injectable, so that a
// host's /proc mounted elsewhere (a DaemonSet's /host/proc) and test fixtures
// are read by the same code. Bytes that come from processes (names, command
// lines) are handed on as they are; see [text.Printable] and [text.MaskSecrets] before
// showing them.
package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// DefaultRoot is where proc(5) is mounted.
const DefaultRoot = "/proc"

// FS reads one mounted proc file system. It is safe for concurrent use.
type FS struct {
	root string
	boot *bootClock
}

// New returns an FS that reads below root; "" means [DefaultRoot]. Nothing is
// opened yet.
func New(root string) FS {
	return FS{root: root, boot: &bootClock{}}
}

// Root is the directory that is read.
func (f FS) Root() string {
	if f.root == "" {
		return DefaultRoot
	}
	return f.root
}

func (f FS) path(elem ...string) string {
	return filepath.Join(append([]string{f.Root()}, elem...)...)
}

func (f FS) pidPath(pid int, elem ...string) string {
	return f.path(append([]string{strconv.Itoa(pid)}, elem...)...)
}

func (f FS) taskPath(pid, tid int) string { return f.pidPath(pid, "task", strconv.Itoa(tid)) }

func readFile(path string) ([]byte, error) { return readHead(path, math.MaxInt) }

// readHead reads at most limit bytes of a file. Such files are small and many: what
// package os does for each beyond these calls costs as much again.
func readHead(path string, limit int) ([]byte, error) {
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, ioError("read", path, err)
	}
	defer unix.Close(fd)
	b := make([]byte, 0, min(limit, 1024))
	for len(b) < limit {
		b = slices.Grow(b, 1)
		room := b[len(b):min(cap(b), limit)]
		n, err := retried(func() (int, error) { return unix.Read(fd, room) })
		if err != nil {
			return nil, ioError("read", path, err)
		}
		if n == 0 {
			break
		}
		b = b[:len(b)+n]
	}
	return b, nil
}

// retried calls until no signal comes between, as package os does.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func readLink(path string) (string, error) {
	s, err := os.Readlink(path)
	if err != nil {
		return "", ioError("readlink", path, err)
	}
	return s, nil
}

// ioError says what was done to which file, without the second mention of the
// path that an os error brings, and makes "gone" one error: a process that ends
// between open and read gives ESRCH, one that was gone before gives ENOENT.
func ioError(verb, path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	if errors.Is(err, unix.ESRCH) {
		err = goneError{}
	}
	return fmt.Errorf("%s %s: %w", verb, path, err)
}

// goneError is ESRCH that is [fs.ErrNotExist] too.
type goneError struct{}

func (goneError) Error() string { return unix.ESRCH.Error() }

func (goneError) Is(target error) bool {
	return target == fs.ErrNotExist || target == unix.ESRCH
}
