package remedy

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// process is one process and no other: its pidfd was opened before its start time was
// compared, so a reused pid would have been noticed.
type process struct {
	pid int
	fd  int
}

// errAnother says that the pid is not of the process that the evidence is about.
var errAnother = errors.New("the pid belongs to another process by now")

func openProcess(k Kernel, pid int, start uint64) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("open pidfd of %d: %w", pid, err)
	}
	now, err := k.Processes(listener.Ask{Some: []int{pid}})
	if p := now[pid]; err == nil && (p == nil || p.Start != start) {
		err = errAnother // there is a process, for it has a pidfd, but not this one
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make sure of process %d: %w", pid, err)
	}
	return &process{pid, fd}, nil
}

func (p *process) close() error { return unix.Close(p.fd) }

func (p *process) signal(s unix.Signal) error {
	if err := unix.PidfdSendSignal(p.fd, s, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(s), p.pid, err)
	}
	return nil
}

// exited says whether the process has ended, and waits d for that at the most. Its
// descriptors are closed by then.
func (p *process) exited(d time.Duration) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(max(0, d.Milliseconds())))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("wait for process %d: %w", p.pid, err)
	}
	return n > 0, nil
}

// descriptor duplicates a descriptor of the process, and makes sure that it is of that
// listener, which does not leave with its process while the duplicate is open.
func (p *process) descriptor(s *listener.Sample, fd listener.Maybe[int]) (int, error) {
	n, known := fd.Get()
	if !known {
		return -1, fmt.Errorf("%w: nobody knows by which descriptor process %d holds %s", ErrChanged, p.pid, s.Local)
	}
	dup, err := p.duplicate(n)
	if err != nil {
		return -1, fmt.Errorf("duplicate descriptor %d of process %d: %w", n, p.pid, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(dup, &st); err == nil && (st.Ino != s.Inode || st.Mode&unix.S_IFMT != unix.S_IFSOCK) {
		err = fmt.Errorf("%w: descriptor %d of process %d is no longer %s", ErrChanged, n, p.pid, s.Local)
	}
	if err != nil {
		unix.Close(dup)
		return -1, err
	}
	return dup, nil
}

// duplicateWithin is far longer than it takes to duplicate a descriptor.
const duplicateWithin = 2 * time.Second

// errExecs says that pidfd_getfd() waits for an exec to end, which may last for ever on a
// dead file system. The goroutine that waits for it stays until the exec ends.
var errExecs = errors.New("it is in the middle of an exec that does not end")

func (p *process) duplicate(n int) (int, error) {
	type result struct {
		fd  int
		err error
	}
	pidfd, err := unix.FcntlInt(uintptr(p.fd), unix.F_DUPFD_CLOEXEC, 0) // p.fd may be closed before the call
	if err != nil {
		return -1, err
	}
	duplicated := make(chan result, 1)
	go func() {
		defer unix.Close(pidfd)
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		duplicated <- result{fd, err}
	}()
	select {
	case r := <-duplicated:
		return r.fd, r.err
	case <-time.After(duplicateWithin):
		go func() {
			if r := <-duplicated; r.err == nil {
				unix.Close(r.fd)
			}
		}()
		return -1, errExecs
	}
}

// shutdown ends the listening and nothing else: the process keeps its descriptor and its
// connections.
func (p *process) shutdown(s *listener.Sample, fd listener.Maybe[int]) error {
	dup, err := p.descriptor(s, fd)
	if err != nil {
		return err
	}
	defer unix.Close(dup)
	if err := unix.Shutdown(dup, unix.SHUT_RD); err != nil {
		return fmt.Errorf("shut down listener %s of process %d: %w", s.Cookie, p.pid, err)
	}
	return nil
}
