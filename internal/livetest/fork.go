package livetest

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ForkAlone goes on in a child that has one thread alone, as a program in C has: of any
// other Go program nobody could tell that it hangs, for its runtime sleeps and wakes all
// the time. The parent returns never: it ends as the child does. Called from the main
// thread before anything else runs; the child must start no goroutine and collect no
// garbage, for there is no thread for that.
func ForkAlone() error {
	runtime.LockOSThread()
	time.Sleep(20 * time.Millisecond) // the runtime's own threads have begun, and hold no lock
	syscall.ForkLock.Lock()
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("fork: %w", errno)
	}
	if pid == 0 {
		_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
		syscall.ForkLock.Unlock()
		return nil
	}
	syscall.ForkLock.Unlock()
	return endAs(int(pid))
}

func endAs(pid int) error {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err == nil {
			break
		} else if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for the child: %w", err)
		}
	}
	if !status.Signaled() {
		return fmt.Errorf("the child ended with status %d", status.ExitStatus())
	}
	if err := unix.Kill(unix.Getpid(), status.Signal()); err != nil { //nolint:forbidigo // itself
		return fmt.Errorf("end as the child did: %w", err)
	}
	select {}
}
