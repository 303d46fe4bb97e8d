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

// playOld is the generation that a reload left behind: it has bound and listens, and
// hangs before it ever polls. It has a worker, as servers that fork have: of a Go program
// nobody could tell that it hangs, for its runtime sleeps and wakes all the time.
func playOld(out io.Writer) error {
	// main has asked for these; a server that hangs handles none.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	fd, err := listenRaw(site())
	if err != nil {
		return err
	}
	pipe, err := forgottenPipe()
	if err != nil {
		return err
	}
	pid, err := forkOpening(pipe, "demo-old")
	if err != nil {
		return fmt.Errorf("fork the worker: %w", err)
	}
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("leave the listener to the worker: %w", err)
	}
	if _, err := fmt.Fprintln(out, "listening", pid); err != nil {
		return fmt.Errorf("tell that it listens: %w", err)
	}
	return endAs(pid)
}

// endAs ends as a child does: by the same signal.
func endAs(pid int) error {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err == nil {
			break
		} else if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for the worker: %w", err)
		}
	}
	if !status.Signaled() {
		return errors.New("somebody reads the pipe")
	}
	if err := unix.Kill(unix.Getpid(), status.Signal()); err != nil { //nolint:forbidigo // itself
		return fmt.Errorf("end as the worker did: %w", err)
	}
	select {}
}

// listenRaw listens beside Go's runtime, which would wait on the socket for us.
func listenRaw(at netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("make a socket for %s: %w", at, err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return -1, fmt.Errorf("set SO_REUSEPORT for %s: %w", at, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return -1, fmt.Errorf("bind %s: %w", at, err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return -1, fmt.Errorf("listen on %s: %w", at, err)
	}
	return fd, nil
}

// forgottenPipe gives the name of a FIFO that nobody reads, by which this process and its
// children can open it. It has lost its own name, so that even SIGKILL leaves nothing.
func forgottenPipe() (string, error) {
	dir, err := os.MkdirTemp("", "reusewatch-demo-")
	if err != nil {
		return "", fmt.Errorf("make a place for the pipe: %w", err)
	}
	fd, err := makePipe(filepath.Join(dir, "log"))
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), nil
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
