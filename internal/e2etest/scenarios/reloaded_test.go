package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// reload is one that a hook asks about: it does something, or nothing at all.
type reload struct {
	name string
	set  func(t *testing.T, ns *livetest.Namespace, dir string) func()
	does bool
	// hands: the new worker gets the old one's socket.
	hands bool
}

// TestNewerThan: the hook after a reload tells one that did something from one that did
// nothing, by whoever accepts and not by the socket.
func TestNewerThan(t *testing.T) {
	beside(t)
	for _, r := range []reload{
		{name: "haproxy -sf", set: reloadBySf, does: true},
		{name: "haproxy -x", set: reloadByX, does: true, hands: true},
		{name: "haproxy -W", set: reloadByMaster, does: true, hands: true},
		{name: "haproxy -W whose configuration is broken", set: broken(reloadByMaster, "haproxy.cfg"), hands: true},
		{name: "haproxy whose signal is lost", set: reloadLost, hands: true},
		{name: "nginx", set: reloadNginx, does: true, hands: true},
		{name: "nginx whose configuration is broken", set: broken(reloadNginx, "nginx.conf"), hands: true},
		{name: "a job of an old server", set: reloadToJob, hands: true},
	} {
		t.Run(r.name, func(t *testing.T) {
			beside(t)
			r.check(t)
		})
	}
}

func (r *reload) check(t *testing.T) {
	ns, dir := livetest.Netns(t), t.TempDir()
	act := r.set(t, ns, dir)
	awaitAnswer(t, ns)
	time.Sleep(100 * time.Millisecond) // a start is told in hundredths of a second
	stamp := write(t, t.TempDir(), "stamp", "")
	check := func(wait string) (string, int) {
		stdout, stderr, code := output(t, "check", "--expect-generations", "1", "--newer-than", "file:"+stamp,
			"--netns", ns.Path, "--port", "80", "--wait", wait, "--interval", "300ms")
		return stdout + stderr, code
	}
	before := socketsOf(t, ns)
	said, code := check("1s")
	older := strings.HasPrefix(said, "OLDER: 127.0.0.1:80 is still that of ")
	if code != 1 || !older || !strings.Contains(said, " since 20") {
		t.Errorf("before the reload: exit code %d: %s", code, said)
	}
	act()
	wait := "20s"
	if !r.does {
		wait = "3s"
	}
	said, code = check(wait)
	t.Logf("exit code %d: %s", code, said)
	if want := map[bool]int{true: 0, false: 1}[r.does]; code != want {
		t.Errorf("after the reload: exit code %d, want %d: %s", code, want, said)
	}
	if !r.does && !strings.HasPrefix(said, "OLDER: ") {
		t.Errorf("it is not said why: %s", said)
	}
	if after := socketsOf(t, ns); slices.Equal(before, after) != r.hands {
		t.Errorf("sockets %q before and %q after: this is another reload than was meant", before, after)
	}
}

// socketsOf are the inodes of the listeners on port 80, in order.
func socketsOf(t *testing.T, ns *livetest.Namespace) []string {
	t.Helper()
	var inodes []string
	for _, line := range lines(ss(t, ns.Path, "-Hlten", "sport", "=", ":80")) {
		_, after, found := strings.Cut(line, "ino:")
		if !found {
			t.Fatalf("no inode in %q", line)
		}
		inode, _, _ := strings.Cut(after, " ")
		inodes = append(inodes, inode)
	}
	slices.Sort(inodes)
	return inodes
}

// reloader starts a server, and gives what reloads it.
type reloader func(t *testing.T, ns *livetest.Namespace, dir string) (act func())

// broken spoils the configuration before the reload.
func broken(set reloader, config string) reloader {
	return func(t *testing.T, ns *livetest.Namespace, dir string) func() {
		act := set(t, ns, dir)
		return func() {
			write(t, dir, config, "this is no configuration\n")
			act()
		}
	}
}

func reloadLost(t *testing.T, ns *livetest.Namespace, dir string) func() {
	start(t, ns, nil, "haproxy", "-db", "-f", write(t, dir, "haproxy.cfg", haproxyConfig))
	return func() {}
}

// reloadToJob is a server that goes on, and whose listener went to a younger process, as
// to a job that it forked.
func reloadToJob(t *testing.T, ns *livetest.Namespace, _ string) func() {
	p := serve(t, ns, server{Addr: "127.0.0.1:80"})
	return func() {
		pidfd, err := unix.PidfdOpen(p.pid(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pidfd)
		l, err := unix.PidfdGetfd(pidfd, listenerOf(t, p.pid()), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(l)
		livetest.Hold(t, l)
	}
}

// listenerOf is the descriptor of the one socket that a process holds.
func listenerOf(t *testing.T, pid int) int {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, _ := os.Readlink(filepath.Join(dir, fd.Name()))
		n, err := strconv.Atoi(fd.Name())
		if err == nil && strings.HasPrefix(to, "socket:") {
			return n
		}
	}
	t.Fatalf("pid %d holds no socket", pid)
	return -1
}

// TestNewerThanUsage: what goes with it, and what a moment is.
func TestNewerThanUsage(t *testing.T) {
	beside(t)
	for _, args := range [][]string{
		{"--newer-than", "30s"},
		{"--expect-generations", "1", "--newer-than", "yesterday"},
		{"--expect-generations", "1", "--newer-than", "file:" + t.TempDir() + "/none"},
		{"--expect-generations", "1", "--newer-than", fmt.Sprint(time.Now().Add(time.Hour).Format(time.RFC3339))},
	} {
		stdout, stderr, code := output(t, append([]string{"check"}, args...)...)
		if code != cli.ExitUsage || !strings.Contains(stderr, "--newer-than") {
			t.Errorf("%q: exit code %d: %s%s", args, code, stdout, stderr)
		}
	}
}
