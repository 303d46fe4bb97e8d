package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// TestStoppedOnPurpose: whoever stopped it, traces it or froze it has plans.
func TestStoppedOnPurpose(t *testing.T) {
	beside(t)
	for name, c := range map[string]struct {
		stop   func(*testing.T, int)
		reason string
	}{
		"SIGSTOP":    {sigstop, "stopped"},
		"ptrace":     {trace, "traced"},
		"freezer v1": {freezeV1, "frozen"},
		"cgroup v2":  {freezeV2, "frozen"},
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			stopped, sibling := serve(t, ns, server{Addr: web}), serve(t, ns, server{Addr: web})
			answered(t, ns, web)
			c.stop(t, stopped.pid())
			hangs(t, ns, web)
			r := arm(t, ns)
			e := held(t, r, c.reason)
			if e.Listener.Cause != c.reason || e.Listener.Owners[0].PID != stopped.pid() {
				t.Errorf("held is %+v, want pid %d, %s", e.Listener, stopped.pid(), c.reason)
			}
			only(t, r)
			if !stopped.alive() || !sibling.alive() {
				t.Error("one of the two has ended")
			}
		})
	}
}

// TestAllowStopped: the operator says that nobody here stops anything on purpose.
func TestAllowStopped(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	stopped, sibling := serve(t, ns, server{Addr: web}), serve(t, ns, server{Addr: web})
	answered(t, ns, web)
	sigstop(t, stopped.pid())
	hangs(t, ns, web)
	r := arm(t, ns, "--allow-stopped")
	killed(t, r, stopped.pid(), "stopped")
	answered(t, ns, web)
	only(t, r, stopped.pid())
	if !sibling.alive() {
		t.Error("its sibling has ended")
	}
}

func sigstop(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// trace attaches to the process as a debugger does, until the test ends.
func trace(t *testing.T, pid int) {
	t.Helper()
	tracer := livetest.NewThread(t) // its end lets go
	var err error
	tracer.Do(func() { err = unix.PtraceAttach(pid) })
	if err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "it is stopped by its tracer", func() bool {
		p, err := proc.New("").Process(pid)
		return err == nil && p.State == 't'
	})
}

func freezeV1(t *testing.T, pid int) {
	t.Helper()
	dir := newCgroup(t, mounted(t, "cgroup", "freezer"))
	setIn(t, dir, "cgroup.procs", strconv.Itoa(pid))
	t.Cleanup(func() { setIn(t, dir, "freezer.state", "THAWED") })
	setIn(t, dir, "freezer.state", "FROZEN")
}

func freezeV2(t *testing.T, pid int) {
	t.Helper()
	dir := newCgroup(t, mounted(t, "cgroup2", ""))
	setIn(t, dir, "cgroup.procs", strconv.Itoa(pid))
	t.Cleanup(func() { setIn(t, dir, "cgroup.freeze", "0") })
	setIn(t, dir, "cgroup.freeze", "1")
}

// mounted is where this host has a cgroup hierarchy.
func mounted(t *testing.T, kind, controller string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines(string(b)) {
		f := strings.Fields(line)
		if f[2] == kind && strings.Contains(","+f[3]+",", ","+controller+",") || kind == "cgroup2" && f[2] == kind {
			return f[1]
		}
	}
	t.Fatalf("no %s %s is mounted here", kind, controller)
	return ""
}

// newCgroup makes a cgroup, which goes with the test: its processes move to the
// root first.
func newCgroup(t *testing.T, root string) string {
	t.Helper()
	dir := filepath.Join(root, fmt.Sprintf("rw-scenario-%d-%d", os.Getpid(), unix.Gettid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		livetest.Eventually(t, "removed "+dir, func() bool {
			procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for _, pid := range strings.Fields(string(procs)) {
				_ = os.WriteFile(filepath.Join(root, "cgroup.procs"), []byte(pid), 0)
			}
			err := os.Remove(dir)
			return err == nil || errors.Is(err, syscall.ENOENT)
		})
	})
	return dir
}

func setIn(t *testing.T, dir, name, value string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}
