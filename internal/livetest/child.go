package livetest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Holder is another process that holds descriptors and does nothing with them.
type Holder struct {
	PID   int
	stdin *os.File
	cmd   *exec.Cmd
}

// Hold starts a process that inherits these descriptors as 3, 4, …, as a fork
// does. It ends with the test, or when the test's own process ends.
func Hold(t testing.TB, fds ...int) *Holder {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	defer r.Close()
	cmd := exec.Command("cat") // until its input ends
	cmd.Stdin = r
	for _, fd := range fds {
		// The file closes its own copy when it goes, not the test's descriptor.
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatalf("copy descriptor %d: %v", fd, err)
		}
		f := os.NewFile(uintptr(own), "fd "+strconv.Itoa(fd))
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a process that holds descriptors: %v", err)
	}
	h := &Holder{PID: cmd.Process.Pid, stdin: w, cmd: cmd}
	t.Cleanup(h.End)
	// execve gives the name last: the descriptors not meant for it are gone by then.
	Eventually(t, "the process has begun", func() bool {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.PID))
		return err == nil && string(comm) == "cat\n"
	})
	return h
}

// End ends the process and waits until it has gone.
func (h *Holder) End() {
	if h.cmd == nil {
		return
	}
	_ = h.stdin.Close()
	_ = h.cmd.Wait()
	h.cmd = nil
}
