package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoStage says that this process may not make a network namespace.
var ErrNoStage = errors.New("cannot make a network namespace of its own")

// stage is a network namespace without a name, and the thread that lives in it.
// Every actor is started by that thread, so it begins in the namespace and gets
// SIGKILL when the thread ends, however this process may end. The namespace goes
// with the last of them.
type stage struct {
	inode  uint64
	err    error             // why there is none
	opened chan struct{}     // closed once inode or err is known
	starts chan func()       // run by the thread
	said   chan func() error // to be run by the demo's goroutine
	actors []*actor
}

func openStage() (*stage, error) {
	s := &stage{opened: make(chan struct{}), starts: make(chan func()), said: make(chan func() error)}
	go s.live()
	if <-s.opened; s.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoStage, s.err)
	}
	return s, nil
}

// live is the life of the thread, which ends with it. The main thread would not end,
// and is passed by: while this goroutine keeps it, another one gets another thread.
func (s *stage) live() {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		go s.live()
		<-s.opened
		return
	}
	s.inode, s.err = enterNewNetns()
	close(s.opened)
	for start := range s.starts {
		start()
	}
}

// enterNewNetns moves the calling thread to a new network namespace, which has a
// loopback that is up and nothing else.
func enterNewNetns() (inode uint64, err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return 0, fmt.Errorf("unshare: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return 0, err
	}
	lo.SetUint16(unix.IFF_UP)
	var st unix.Stat_t
	err = unix.Stat("/proc/thread-self/ns/net", &st)
	if err := errors.Join(err, unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)); err != nil {
		return 0, fmt.Errorf("find its number, and bring its loopback up: %w", err)
	}
	return st.Ino, nil
}

// actor is a child process on the stage. The demo's goroutine alone looks at it.
type actor struct {
	name   string
	cmd    *exec.Cmd
	alive  bool         // or its end is not heard yet
	err    error        // of Wait, after its end
	stderr bytes.Buffer // to be read after its end
}

// start starts an actor. Each JSON value that it prints is given to hear by whoever runs
// what comes from said, and so is its end after that. In a process group of its own it is
// spared the terminal's Ctrl-C, which is ours to handle.
func start[T any](s *stage, name string, hear func(T), cmd *exec.Cmd) (*actor, error) {
	a := &actor{name: name, cmd: cmd, alive: true}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Stderr = &a.stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		started := make(chan error)
		s.starts <- func() { started <- cmd.Start() }
		err = <-started
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.actors = append(s.actors, a)
	go func() {
		values := json.NewDecoder(stdout)
		for values.More() {
			var v T
			if err := values.Decode(&v); err != nil {
				s.said <- func() error { return fmt.Errorf("read what %s tells: %w", name, err) }
				break
			}
			s.said <- func() error { hear(v); return nil }
		}
		err := cmd.Wait()
		s.said <- func() error { a.alive, a.err = false, err; return nil }
	}()
	return a, nil
}

// failure is how an actor has ended, with the last line that it said about it.
func (a *actor) failure() error {
	how := "before its time"
	if a.err != nil {
		how = a.err.Error()
	}
	if said := strings.TrimSpace(a.stderr.String()); said != "" {
		how += ": " + said[strings.LastIndexByte(said, '\n')+1:]
	}
	return fmt.Errorf("%s ended: %s", a.name, how)
}

// close ends all that is left on the stage, and the stage.
func (s *stage) close() error {
	close(s.starts)
	deadline := time.After(5 * time.Second)
	for _, a := range s.actors {
		for a.alive {
			select {
			case hear := <-s.said:
				_ = hear() // what it says now changes nothing
			case <-deadline:
				return fmt.Errorf("%s, pid %d, is still there 5 s after SIGKILL", a.name, a.cmd.Process.Pid)
			}
		}
	}
	return nil
}
