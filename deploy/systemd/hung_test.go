package systemd_test

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// hangIn makes whoever reads of this process in /proc hang: its epoll set is locked for
// as long as a file does not say whether it is ready.
func hangIn(path string) error {
	file, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	const nobody = 65534
	if err := syscall.Setuid(nobody); err != nil {
		return fmt.Errorf("become nobody: %w", err)
	}
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make an epoll set: %w", err)
	}
	return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, file, &unix.EpollEvent{Events: unix.EPOLLIN})
}

// TestStopsWhileAHelperHangs: a helper that hangs in the kernel survives SIGKILL, and the
// unit stops all the same, starts again and watches.
func TestStopsWhileAHelperHangs(t *testing.T) {
	inVM(t)
	started(t, nil)
	ns, dead := livetest.Netns(t), livetest.DeadMount(t)
	hung := serve(t, ns, "hang in "+dead.Polled)
	t.Cleanup(dead.Release) // before the test waits for its end
	awaits(t, "it hangs", func() bool { return dead.Stuck() > 0 })
	// A helper that hangs is not easily had: the watcher sees that an epoll set is locked
	// before it has one asked. What hangs is put in its place.
	put(t, "/sys/fs/cgroup"+show(t, "ControlGroup")+"/cgroup.procs", fmt.Sprint(hung.Process.Pid))
	do(t, "systemctl", "stop", "reusewatch")
	if state, result := show(t, "ActiveState"), show(t, "Result"); state != "inactive" || result != "success" {
		t.Errorf("stopped beside a helper that hangs: %s, result %s", state, result)
	}
	do(t, "systemctl", "start", "reusewatch")
	if state := show(t, "ActiveState"); state != "active" {
		t.Errorf("started again, and it is %s", state)
	}
	do(t, "systemctl", "stop", "reusewatch")
}
