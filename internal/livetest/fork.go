package livetest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
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
	for range 5 {
		awaitStill()
		pid, err := forkLively()
		switch {
		case err != nil:
			return fmt.Errorf("fork: %w", err)
		case pid == 0:
			return nil
		case pid > 0:
			if err := os.WriteFile("/proc/self/comm", []byte(worksBy+fmt.Sprint(pid)), 0); err != nil {
				return fmt.Errorf("tell of the child: %w", err)
			}
			return endAs(pid)
		}
	}
	return errors.New("no child came to life: each was forked while a thread of the runtime held a lock")
}

// worksBy begins the name of a parent, which ends with the pid of its child.
const worksBy = "by-"

// ChildOf is the pid of the child that a process goes on in, 0 as long as it has none.
func ChildOf(parent int) int {
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	pid, _ := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(string(comm)), worksBy))
	return pid
}

// awaitStill waits until all other threads sleep, and so hold no lock of the runtime.
func awaitStill() {
	for still := 0; still < 3; time.Sleep(5 * time.Millisecond) {
		still++
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			stat, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/stat")
			if task.Name() != fmt.Sprint(unix.Gettid()) && !strings.Contains(string(stat), ") S ") {
				still = 0
			}
		}
	}
}

// forkLively gives the pid of a child that works, 0 in the child, or -1 where the child
// waits for a lock that a thread held which it does not have.
func forkLively() (int, error) {
	var alive [2]int
	if err := unix.Pipe2(alive[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer unix.Close(alive[0])
	defer unix.Close(alive[1])
	syscall.ForkLock.Lock()
	r, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	pid := int(r)
	if errno == 0 && pid == 0 {
		_, _, _ = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	}
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, errno
	}
	if pid == 0 {
		_, err := unix.Write(alive[1], []byte(strings.Repeat("alive", 2000)[:1]))
		return 0, err
	}
	fds := []unix.PollFd{{Fd: int32(alive[0]), Events: unix.POLLIN}}
	if n, _ := unix.Poll(fds, 3000); n == 1 {
		return pid, nil
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil { //nolint:forbidigo // its own child
		return 0, err
	}
	_, err := unix.Wait4(pid, nil, 0, nil)
	return -1, err
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
