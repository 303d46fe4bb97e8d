package demo

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoStage says that this process may not make a network namespace.
var ErrNoStage = errors.New("cannot make a network namespace of its own")

// endWait is how long a killed actor may take to be gone.
const endWait = 5 * time.Second

// stage is a network namespace without a name, and the thread that lives in it.
// Every actor is started by that thread, so it begins in the namespace and gets
// SIGKILL when the thread ends, however this process may end. The namespace goes
// with the last of them.
type stage struct {
	inode  uint32
	starts chan func()
	actors []*actor
}

func openStage() (*stage, error) {
	s := &stage{starts: make(chan func())}
	opened := make(chan error)
	offMainThread(func() {
		var err error
		s.inode, err = enterNewNetns()
		opened <- err
		if err != nil {
			return
		}
		for start := range s.starts {
			start()
		}
	})
	if err := <-opened; err != nil {
		return nil, err
	}
	return s, nil
}

// offMainThread runs f on a thread of its own, which ends with f. That must not
// be the main thread, which would not end and stay in the namespace.
func offMainThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		// As long as this goroutine keeps the main thread, another gets another.
		taken := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(taken)
			f()
		}()
		<-taken
		runtime.UnlockOSThread()
	}()
}

// enterNewNetns moves the calling thread to a new network namespace and brings
// its loopback up.
func enterNewNetns() (uint32, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return 0, fmt.Errorf("%w: unshare: %w", ErrNoStage, err)
	}
	if err := loopbackUp(); err != nil {
		return 0, fmt.Errorf("%w: bring its loopback up: %w", ErrNoStage, err)
	}
	const path = "/proc/thread-self/ns/net"
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("%w: stat %s: %w", ErrNoStage, path, err)
	}
	return uint32(st.Ino), nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("read the flags of lo: %w", err)
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("set the flags of lo: %w", err)
	}
	return nil
}

// start starts an actor and gives each line that it prints to line, one at a
// time. In a process group of its own it is spared the terminal's Ctrl-C, which
// is ours to handle.
func (s *stage) start(name string, cmd *exec.Cmd, line func([]byte)) (*actor, error) {
	a := &actor{name: name, cmd: cmd, ended: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Stderr = &a.complaint
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	started := make(chan error)
	s.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.actors = append(s.actors, a)
	go a.follow(stdout, line)
	return a, nil
}

// close ends all that is left on the stage, and the stage.
func (s *stage) close() error {
	close(s.starts)
	var errs []error
	deadline := time.After(endWait)
	for _, a := range s.actors {
		select {
		case <-a.ended:
		case <-deadline:
			errs = append(errs, fmt.Errorf("%s, pid %d, is still there %s after SIGKILL", a.name, a.pid(), endWait))
		}
	}
	return errors.Join(errs...)
}
