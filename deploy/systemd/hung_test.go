package systemd_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
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

// hungChildren are the processes that the service has started and that nothing can end.
func hungChildren(t *testing.T) (n int) {
	t.Helper()
	main := show(t, "MainPID")
	tasks, err := os.ReadDir("/proc/" + main + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		children, _ := os.ReadFile("/proc/" + main + "/task/" + task.Name() + "/children")
		for _, child := range strings.Fields(string(children)) {
			status, _ := os.ReadFile("/proc/" + child + "/status")
			if strings.Contains(string(status), "State:\tD") {
				n++
			}
		}
	}
	return n
}

// TestStopsWhileAHelperHangs: a helper that hangs in the kernel survives SIGKILL, and the
// unit stops all the same, starts again and watches.
func TestStopsWhileAHelperHangs(t *testing.T) {
	inVM(t)
	started(t, nil)
	ns, dead := livetest.Netns(t), livetest.DeadMount(t)
	serve(t, ns, "hang in "+dead.Polled)
	t.Cleanup(dead.Release) // before the test waits for its end
	ns.Dial(livetest.Dial{To: port80()})
	awaits(t, "a helper that hangs", func() bool { return hungChildren(t) > 0 })
	do(t, "systemctl", "stop", "reusewatch")
	if state, result := show(t, "ActiveState"), show(t, "Result"); state != "inactive" || result != "success" {
		t.Errorf("stopped beside a helper that hangs: %s, result %s", state, result)
	}
	do(t, "systemctl", "start", "reusewatch")
	said(t, "ready watching")
	do(t, "systemctl", "stop", "reusewatch")
	dead.Release()
	awaits(t, "nobody hangs any more", func() bool {
		return exec.Command("pgrep", "-f", "read-proc").Run() != nil
	})
}
