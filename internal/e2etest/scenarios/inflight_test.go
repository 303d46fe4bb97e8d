package scenarios

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// inherited makes a listener that a second process holds too.
func inherited(t *testing.T, ns *livetest.Namespace) {
	t.Helper()
	l := ns.Listen(livetest.Listen{})
	fd, err := unix.Dup(l.FD)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	start(t, ns, func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{f} }, "sleep", "1000")
}

// inFlight leaves a listener in a message that nobody has received: no
// descriptor holds it.
func inFlight(t *testing.T, l *livetest.Listener) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
	})
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(l.FD), nil, 0); err != nil {
		t.Fatal(err)
	}
	l.Close()
}
