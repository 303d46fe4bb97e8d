package scenarios

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// way is what becomes of a server.
type way string

const (
	wayMutex  way = "mutex"  // its loop waits for a lock that nobody gives back
	wayRead   way = "read"   // its loop waits for an answer that never comes
	waySpin   way = "spin"   // its loop runs in a circle, in user mode
	wayForget way = "forget" // it goes on serving, and polls its listener no more
	wayFull   way = "full"   // it has no descriptor left, and tries on and on
	wayPause  way = "pause"  // it rests, and goes on

	wayPolled  way = "polled"  // it hangs in epoll_ctl(), with its epoll set locked
	wayFlushed way = "flushed" // it hangs in the middle of an exec
)

// become returns where the server goes on after it.
func (w way) become(o *loop, l int) error {
	switch w {
	case wayMutex:
		return forever()
	case wayRead:
		return readNothing()
	case waySpin:
		return spin()
	case wayForget:
		return unix.EpollCtl(o.epoll, unix.EPOLL_CTL_DEL, l, nil)
	case wayFull:
		o.full = true
		return fillDescriptors()
	case wayPause:
		nap(o.pause)
		return nil
	case wayPolled, wayFlushed:
		return w.hang(o, l)
	}
	return fmt.Errorf("no such way: %s", w)
}

// hang makes whoever reads of it in /proc hang, too.
func (w way) hang(o *loop, l int) error {
	file, err := unix.Open(o.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", o.path, err)
	}
	if err := errors.Join(syscall.Setgid(o.user), syscall.Setuid(o.user)); err != nil {
		return fmt.Errorf("become user %d: %w", o.user, err)
	}
	if w == wayPolled {
		set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, file, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	// The listener goes with it into the next program.
	if _, err := unix.FcntlInt(uintptr(l), unix.F_SETFD, 0); err != nil {
		return err
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		return err
	}
	return unix.Exec(sleep, []string{"sleep", "1000"}, os.Environ())
}

const futexWaitPrivate = 0x80

// forever waits for a futex, as pthread_mutex_lock does.
func forever() error {
	var lock uint32
	for {
		_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&lock)), futexWaitPrivate, 0, 0, 0, 0)
		if errno != 0 && errno != unix.EINTR && errno != unix.EAGAIN {
			return errno
		}
	}
}

func readNothing() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for {
		if _, err := unix.Read(pair[0], make([]byte, 8)); !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("an answer: %w", err)
		}
	}
}

func spin() error {
	var n atomic.Uint64
	for {
		n.Add(1)
	}
}

// fillDescriptors leaves none to accept with.
func fillDescriptors() error {
	limit := unix.Rlimit{Cur: 256, Max: 256}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	for {
		if _, err := unix.Dup(2); errors.Is(err, unix.EMFILE) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// nap sleeps in the kernel: the runtime's own sleep would start its poller.
func nap(d time.Duration) {
	rest := unix.NsecToTimespec(d.Nanoseconds())
	for errors.Is(unix.Nanosleep(&rest, &rest), unix.EINTR) {
	}
}
