package livetest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Connect begins to connect to a port of loopback; nobody waits for the handshake.
func (ns *Namespace) Connect(port int) (*os.File, error) {
	fd := -1
	var err error
	ns.Do(func() {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return
		}
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		return nil, fmt.Errorf("connect to port %d: %w", port, err)
	}
	return os.NewFile(uintptr(fd), "client"), nil
}

// FullPipe is a pipe with so much room left, less than a page. Nobody reads r until the
// test does.
func FullPipe(t testing.TB, room int) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	if err := fillPipe(int(r.Fd()), int(w.Fd()), room); err != nil {
		t.Fatalf("fill a pipe: %v", err)
	}
	return r, w
}

func fillPipe(r, w, room int) error {
	if err := unix.SetNonblock(w, true); err != nil {
		return err
	}
	page := make([]byte, 4096)
	for n := len(page); n > 0; {
		if _, err := unix.Write(w, page[:n]); errors.Is(err, unix.EAGAIN) {
			n /= 2
		} else if err != nil {
			return err
		}
	}
	if _, err := unix.Read(r, page); err != nil {
		return err
	}
	if _, err := unix.Write(w, page[:len(page)-room]); err != nil {
		return err
	}
	return unix.SetNonblock(w, false)
}
