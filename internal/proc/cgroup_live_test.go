package proc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// mountedAt is where this host has a hierarchy ("" is v2) mounted whole, or "".
func mountedAt(t *testing.T, controller string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a cgroup needs root")
	}
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range parseCgroupMounts(b) {
		if m.has(controller) && m.root == "/" {
			return m.path
		}
	}
	return ""
}

// newCgroups makes a cgroup with another in it, and returns both. They go with
// the test, after the processes that were started in them.
func newCgroups(t *testing.T, mount string) (outer, inner string) {
	t.Helper()
	outer = filepath.Join(mount, fmt.Sprintf("rw-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	inner = filepath.Join(outer, "inner")
	for _, dir := range []string{outer, inner} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			// What has been killed leaves its cgroup a moment later.
			eventually(t, "removed "+dir, func() bool { err := os.Remove(dir); return err == nil || os.IsNotExist(err) })
		})
	}
	return outer, inner
}

func set(t *testing.T, dir, name, value string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// childIn starts a process and moves it to a cgroup.
func childIn(t *testing.T, dir, name string, args ...string) int {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	set(t, dir, "cgroup.procs", strconv.Itoa(cmd.Process.Pid))
	return cmd.Process.Pid
}

func expectFrozen(t *testing.T, pid int, state byte, want bool) {
	t.Helper()
	f := New("")
	eventually(t, fmt.Sprintf("frozen: %v, state %c", want, state), func() bool {
		frozen, known := f.Frozen(pid)
		if !known {
			t.Fatal("not known")
		}
		p, err := f.Process(pid)
		if err != nil {
			t.Fatal(err)
		}
		return frozen == want && p.State == state
	})
}

func TestFrozenV1Live(t *testing.T) {
	mount := mountedAt(t, "freezer")
	if mount == "" {
		t.Skip("this host has no cgroup v1 freezer")
	}
	outer, inner := newCgroups(t, mount)
	pid := childIn(t, inner, "sleep", "300")
	// A frozen process cannot even be killed: thaw before that.
	t.Cleanup(func() { set(t, outer, "freezer.state", "THAWED"); set(t, inner, "freezer.state", "THAWED") })
	c, err := New("").Cgroups(pid)
	if want := inner[len(mount):]; err != nil || c.V1["freezer"] != want {
		t.Errorf("Cgroups = %+v, %v; want freezer %s", c, err, want)
	}

	expectFrozen(t, pid, 'S', false)
	for _, dir := range []string{inner, outer} { // its own, and its parent's
		set(t, dir, "freezer.state", "FROZEN")
		expectFrozen(t, pid, 'D', true)
		set(t, dir, "freezer.state", "THAWED")
		expectFrozen(t, pid, 'S', false)
	}
}

func TestFrozenV2Live(t *testing.T) {
	mount := mountedAt(t, "")
	if mount == "" {
		t.Fatal("no cgroup v2 is mounted: mount it for the tests")
	}
	outer, inner := newCgroups(t, mount)
	pid := childIn(t, inner, "sleep", "300")
	t.Cleanup(func() { set(t, outer, "cgroup.freeze", "0"); set(t, inner, "cgroup.freeze", "0") })
	c, err := New("").Cgroups(pid)
	if want := inner[len(mount):]; err != nil || c.V2 != want {
		t.Errorf("Cgroups = %+v, %v; want v2 %s", c, err, want)
	}

	expectFrozen(t, pid, 'S', false)
	for _, dir := range []string{inner, outer} {
		set(t, dir, "cgroup.freeze", "1")
		expectFrozen(t, pid, 'S', true) // the state does not tell
		set(t, dir, "cgroup.freeze", "0")
		expectFrozen(t, pid, 'S', false)
	}
}

// Nobody freezes the tests that run.
func TestSelfNotFrozen(t *testing.T) {
	if frozen, known := New("").Frozen(os.Getpid()); frozen || os.Geteuid() == 0 && !known {
		t.Errorf("= %v, %v", frozen, known)
	}
}

// A quota on the parent throttles what spins in the child, and nobody else.
func TestThrottledLive(t *testing.T) {
	mount, quota, value := mountedAt(t, "cpu"), "cpu.cfs_quota_us", "5000"
	if mount == "" {
		mount, quota, value = mountedAt(t, ""), "cpu.max", "5000 100000"
	}
	if mount == "" {
		t.Fatal("neither cgroup v1 cpu nor v2 is mounted: mount v2 for the tests")
	}
	outer, inner := newCgroups(t, mount)
	if _, err := os.Stat(filepath.Join(outer, quota)); err != nil {
		t.Skip("the cpu controller is not enabled for children of the root: ", err)
	}
	set(t, outer, quota, value)

	f := New("")
	sleeps := sleeper(t).Process.Pid
	spins := childIn(t, inner, "sh", "-c", "while :; do :; done")
	read := func(pid int) Throttle {
		got, err := f.Throttled(pid)
		if err != nil || !got.Known {
			t.Fatalf("Throttled(%d) = %+v, %v", pid, got, err)
		}
		return got
	}
	first, calm := read(spins), read(sleeps)
	eventually(t, "throttled for 0.5 s", func() bool { return read(spins).Since(first) > 500*time.Millisecond })
	if now := read(spins); now.Periods <= first.Periods {
		t.Errorf("periods: %d, before %d", now.Periods, first.Periods)
	}
	if got := read(sleeps).Since(calm); got > 100*time.Millisecond {
		t.Errorf("one outside was throttled for %v", got)
	}
}
