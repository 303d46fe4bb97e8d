package kernel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// mountedAt is where this host has a cgroup hierarchy mounted whole: that of a
// controller in v1, or v2 for ""; "" where it has none.
func mountedAt(t *testing.T, controller string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		mount, fs, _ := strings.Cut(strings.TrimSpace(line), " - ")
		where, of := strings.Fields(mount), strings.Fields(fs)
		if len(where) < 5 || len(of) < 3 || where[3] != "/" {
			continue
		}
		v2 := controller == "" && of[0] == "cgroup2"
		if v2 || of[0] == "cgroup" && strings.Contains(","+of[2]+",", ","+controller+",") {
			return where[4]
		}
	}
	return ""
}

// newCgroups makes a cgroup with another in it, and returns both. They go with the test,
// after the processes that were started in them.
func newCgroups(t *testing.T, mount string) (outer, inner string) {
	t.Helper()
	outer = filepath.Join(mount, fmt.Sprintf("rw-test-%d-%d", os.Getpid(), time.Now().UnixNano()))
	inner = filepath.Join(outer, "inner")
	for _, dir := range []string{outer, inner} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			// A killed process leaves its cgroup a moment later.
			livetest.Eventually(t, "removed "+dir, func() bool {
				err := os.Remove(dir)
				return err == nil || os.IsNotExist(err)
			})
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

// testFrozen: a process is frozen by its cgroup and by the parent of that, in v1 and v2,
// whatever its state shows; and never because it is stopped.
func testFrozen(t *testing.T, f *field) {
	k := f.kernels[0]
	for name, c := range map[string]struct{ mount, file, frozen, thawed, state string }{
		"v1": {mountedAt(t, "freezer"), "freezer.state", "FROZEN", "THAWED", "D"},
		"v2": {mountedAt(t, ""), "cgroup.freeze", "1", "0", "S"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.mount == "" {
				t.Skip("this host has no such hierarchy")
			}
			outer, inner := newCgroups(t, c.mount)
			pid := child(t, nil, "sleep", "300")
			// A frozen process cannot even be killed: thaw before that.
			t.Cleanup(func() { set(t, outer, c.file, c.thawed); set(t, inner, c.file, c.thawed) })
			set(t, inner, "cgroup.procs", strconv.Itoa(pid))
			expect := func(state string, want bool) {
				t.Helper()
				livetest.Eventually(t, fmt.Sprintf("frozen: %v, state %s", want, state), func() bool {
					p := processOf(t, k, pid)
					frozen, known := p.Frozen.Get()
					if !known {
						t.Fatal("not known")
					}
					return p.Comm == "sleep" && frozen == want && p.State == state
				})
			}
			expect("S", false)
			for _, dir := range []string{inner, outer} {
				set(t, dir, c.file, c.frozen)
				expect(c.state, true)
				set(t, dir, c.file, c.thawed)
				expect("S", false)
			}
		})
	}
}

// testThrottled: a quota on the parent throttles what spins in the child, and nobody else.
func testThrottled(t *testing.T, f *field) {
	k := f.kernels[0]
	mount, quota, value := mountedAt(t, "cpu"), "cpu.cfs_quota_us", "5000"
	if mount == "" {
		mount, quota, value = mountedAt(t, ""), "cpu.max", "5000 100000"
	}
	if mount == "" {
		t.Skip("this host has no cpu controller")
	}
	outer, inner := newCgroups(t, mount)
	if _, err := os.Stat(filepath.Join(outer, quota)); err != nil {
		t.Skip("the cpu controller is not enabled for children of the root: ", err)
	}
	set(t, outer, quota, value)
	sleeps, spins := child(t, nil, "sleep", "300"), child(t, nil, "sh", "-c", "while :; do :; done")
	set(t, inner, "cgroup.procs", strconv.Itoa(spins))
	read := func(pid int) time.Duration {
		throttled, known := processOf(t, k, pid).Throttled.Get()
		if !known {
			t.Fatalf("it is not known of %d", pid)
		}
		return throttled
	}
	first, calm := read(spins), read(sleeps)
	livetest.Eventually(t, "throttled for 0.5 s", func() bool { return read(spins)-first > 500*time.Millisecond })
	if got := read(sleeps) - calm; got > 100*time.Millisecond {
		t.Errorf("one outside was throttled for %v", got)
	}
}
