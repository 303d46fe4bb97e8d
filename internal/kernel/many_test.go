package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// The kernel gives 32 KiB of rows at once, and shows again what found no room at their end:
// that must come all the same, and must not count twice.

// testManyHeld: whatever one process holds is told of, each thing once.
func testManyHeld(t *testing.T, f *field) {
	const pipes = 1500
	must, ends := mustFD(t), make(map[int]bool, 2*pipes)
	for range pipes {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		for _, fd := range pipe {
			ends[must(fd, nil)] = true
		}
	}
	once := func(what string, times map[int]int) {
		t.Helper()
		missing, twice := 0, 0
		for fd := range ends {
			switch {
			case times[fd] == 0:
				missing++
			case times[fd] > 1:
				twice++
			}
		}
		if missing > 0 || twice > 0 {
			t.Errorf("%s: of %d ends of pipes %d are missing, %d come more than once", what, len(ends), missing, twice)
		}
	}
	for _, k := range f.kernels {
		things, omitted, err := k.Things([]int{os.Getpid()})
		if err != nil || len(omitted) > 0 {
			t.Fatalf("%s: omitted %v, %v", k.tier, omitted, err)
		}
		times, objects := make(map[int]int), make(map[listener.Key]bool)
		for _, th := range things {
			times[th.FD]++
			if ends[th.FD] {
				objects[th.Object] = true
			}
		}
		once(string(k.tier)+", things", times)
		var sought []listener.Key
		for object := range objects {
			sought = append(sought, object)
		}
		times = make(map[int]int)
		for _, h := range soughtBy(t, k, sought...) {
			times[h.FD]++
		}
		once(string(k.tier)+", a census", times)
	}
}

// testManyChildren: each child is counted once where all processes are told of.
func testManyChildren(t *testing.T, f *field) {
	const children = 200
	leads := func(c *exec.Cmd) { c.SysProcAttr.Setpgid = true }
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do sleep 300 & i=$((i+1)); done; exec sleep 300", children)
	parent := child(t, leads, "sh", "-c", script)
	t.Cleanup(func() { _ = unix.Kill(-parent, unix.SIGKILL) })
	livetest.Eventually(t, "a process with many children sleeps", func() bool {
		return len(childrenOf(parent)) == children && of(parent, "comm") == "sleep"
	})
	for _, k := range f.kernels {
		all, err := k.Processes(listener.Ask{All: true, Threads: []int{parent}})
		if err != nil || all[parent] == nil {
			t.Fatalf("%s: the parent is not told of: %v", k.tier, err)
		}
		if n := all[parent].Children; n != children {
			t.Errorf("%s: %d children, want %d", k.tier, n, children)
		}
	}
}
