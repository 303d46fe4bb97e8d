package scenarios

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// starves takes the CPU from a healthy server, which then stands still like a stuck one. It is
// held for that, or, should it get enough now and then, never stuck.
func starves(t *testing.T, s server, starve func(*testing.T, *livetest.Namespace, int)) {
	t.Helper()
	ns := livetest.Netns(t)
	starved := serve(t, ns, s)
	stays(t, starved)
	stays(t, serve(t, ns, server{Addr: web}))
	answered(t, ns, web)
	starve(t, ns, starved.pid())
	hangs(t, ns, web)
	r := arm(t, ns)
	leftAloneUnless(t, r, "starved")
}

// TestStarved: it runs as SCHED_IDLE beside a busy loop, which loads a CPU.
func TestStarved(t *testing.T) { starves(t, server{Addr: web}, outdone) }

// TestStarvedByQuota: its cgroup has next to no quota.
func TestStarvedByQuota(t *testing.T) {
	beside(t)
	starves(t, server{Addr: web, Burn: true}, throttle)
}

// outdone leaves a process the least of a CPU that something else uses whole.
func outdone(t *testing.T, ns *livetest.Namespace, pid int) {
	t.Helper()
	busy := serveUnseen(t, ns, server{Addr: other, Then: waySpin})
	listens(t, ns, busy, 81)
	if err := unix.Setpriority(unix.PRIO_PGRP, busy.Process.Pid, -20); err != nil {
		t.Fatal(err)
	}
	var cpu unix.CPUSet
	// Not the first: a small machine does its own work there.
	cpu.Set(runtime.NumCPU() - 1)
	for _, p := range []int{pid, busy.pid()} {
		for _, tid := range threads(t, p) {
			if err := unix.SchedSetaffinity(tid, &cpu); err != nil {
				t.Fatal(err)
			}
			if p != pid {
				continue
			}
			idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
			if err := unix.SchedSetAttr(tid, &idle, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func threads(t *testing.T, pid int) []int {
	t.Helper()
	dir, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	var tids []int
	for _, f := range dir {
		tid, err := strconv.Atoi(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		tids = append(tids, tid)
	}
	return tids
}

// throttle grants a process a thousandth of a CPU, once a second.
func throttle(t *testing.T, _ *livetest.Namespace, pid int) {
	t.Helper()
	dir := newCgroup(t, mounted(t, "cgroup", "cpu"))
	setIn(t, dir, "cpu.cfs_period_us", "1000000")
	setIn(t, dir, "cpu.cfs_quota_us", "1000")
	t.Cleanup(func() { setIn(t, dir, "cpu.cfs_quota_us", "-1") })
	setIn(t, dir, "cgroup.procs", strconv.Itoa(pid))
}

// leftAloneUnless looks on for as long as a verdict and an act take, twice: what
// is stuck meanwhile is held for this reason, and nobody is acted on.
func leftAloneUnless(t *testing.T, r *runner, reason string) {
	t.Helper()
	look()
	for _, e := range r.all() {
		if e.Event == "held" && !slices.Contains(e.Listener.Decision.Reasons, reason) {
			t.Errorf("held for %v, want %s", e.Listener.Decision.Reasons, reason)
		}
	}
	only(t, r)
}
