package demo

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// backlog of the servers: the accept queue must not be full before the end.
const backlog = 1024

// playOld is the generation that a reload left behind: it has bound and
// listens, and hangs before it ever polls.
func playOld(out io.Writer) error {
	if err := setComm("demo-old"); err != nil {
		return err
	}
	// main has asked for these; a server that hangs handles none.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	if err := listenRaw(site()); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "listening"); err != nil {
		return fmt.Errorf("tell that it listens: %w", err)
	}
	return openForgottenPipe()
}

// listenRaw listens beside Go's runtime, which would wait on the socket for us.
func listenRaw(at netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return fmt.Errorf("make a socket for %s: %w", at, err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("set SO_REUSEPORT for %s: %w", at, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return fmt.Errorf("bind %s: %w", at, err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return fmt.Errorf("listen on %s: %w", at, err)
	}
	return nil
}

// openForgottenPipe opens a FIFO for writing that nobody reads, which lasts for
// ever. The FIFO has lost its name by then, so that even SIGKILL leaves nothing.
func openForgottenPipe() error {
	dir, err := os.MkdirTemp("", "reusewatch-demo-")
	if err != nil {
		return fmt.Errorf("make a place for the pipe: %w", err)
	}
	path := filepath.Join(dir, "log")
	fd, err := makePipe(path)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	if _, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open the pipe: %w", err)
	}
	return errors.New("somebody reads the pipe")
}

func makePipe(path string) (int, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return -1, fmt.Errorf("make pipe %s: %w", path, err)
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("find pipe %s: %w", path, err)
	}
	return fd, nil
}
