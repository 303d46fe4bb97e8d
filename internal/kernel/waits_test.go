package kernel_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// testChildren: living children are counted, each once whatever its threads, and none that has
// ended and waits for its parent.
func testChildren(t *testing.T, f *field) {
	leads := func(c *exec.Cmd) { c.SysProcAttr.Setpgid = true }
	parent := child(t, leads, "sh", "-c", "sleep 300 & sleep 300 & exec sleep 300")
	t.Cleanup(func() { _ = unix.Kill(-parent, unix.SIGKILL) })
	sleeping := func() bool { // the children too, or their threads and names are not final
		own := childrenOf(parent)
		awake := func(pid int) bool { return of(pid, "comm") != "sleep" }
		return len(own) == 2 && !slices.ContainsFunc(append(own, parent), awake)
	}
	livetest.Eventually(t, "a process with two children sleeps", sleeping)
	for _, k := range f.kernels {
		if p := processOf(t, k, parent); p.Children != 2 {
			t.Errorf("%s: %d children, want 2", k.tier, p.Children)
		}
		// Children are counted only for processes whose threads are read.
		all, err := k.Processes(listener.Ask{All: true, Some: []int{parent}, Threads: []int{os.Getpid()}})
		if err != nil || all[parent].Children != 0 || all[os.Getpid()].Children < 1 {
			t.Errorf("%s: %d and %d children, %v", k.tier, all[parent].Children, all[os.Getpid()].Children, err)
		}
	}
	// Its parent never waits for it.
	ended := childrenOf(parent)[0]
	if err := unix.Kill(ended, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "a child has ended", func() bool { s := statOf(ended); return len(s) > 0 && s[0] == "Z" })
	for _, k := range f.kernels {
		if p := processOf(t, k, parent); p.Children != 1 {
			t.Errorf("%s: %d children, want 1 beside one that has ended", k.tier, p.Children)
		}
	}
}

// childrenOf gives the children of a process in /proc, also ended ones.
func childrenOf(parent int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []int
	for _, name := range stats {
		pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
		if st := statOf(pid); len(st) > 1 && st[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// testTimers: an interval timer and a POSIX timer are seen as long as they are there.
func testTimers(t *testing.T, f *field) {
	expect := func(what string, want bool) {
		t.Helper()
		for _, k := range f.kernels {
			if armed, known := processOf(t, k, os.Getpid()).Timers.Get(); !known || armed != want {
				t.Errorf("%s: %s: armed %v, known %v", k.tier, what, armed, known)
			}
		}
	}
	set := func(value, interval time.Duration) {
		t.Helper()
		_, err := unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{
			Value: unix.NsecToTimeval(int64(value)), Interval: unix.NsecToTimeval(int64(interval)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { set(0, 0) })
	expect("none", false)
	set(time.Hour, 0)
	expect("an interval timer", true)
	set(0, 0)
	expect("an interval timer that was taken back", false)
	set(time.Hour, time.Hour)
	expect("a periodic one", true)
	set(time.Millisecond, 0) // its signal does nothing to a Go program
	livetest.Eventually(t, "it has fired", func() bool {
		it, err := unix.Getitimer(unix.ITIMER_REAL)
		return err == nil && it.Value == unix.Timeval{}
	})
	expect("one that has fired", false)

	remove := posixTimer(t, unix.CLOCK_MONOTONIC)
	expect("a POSIX timer", true)
	cpu := posixTimer(t, unix.CLOCK_THREAD_CPUTIME_ID)
	expect("one, behind one of CPU time", true)
	remove()
	expect("one of CPU time, which passes for nobody who stands still", false)
	remove = posixTimer(t, unix.CLOCK_BOOTTIME)
	expect("another one", true)
	remove()
	cpu()
	expect("none any more", false)
	testTimerOfStopped(t, f)
}

// posixTimer makes a timer of this process, and gives a function that removes it.
func posixTimer(t *testing.T, clock int) (remove func()) {
	t.Helper()
	event := [64]byte{12: 1} // a struct sigevent that says SIGEV_NONE
	var id int32
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE,
		uintptr(clock), uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id)))
	if errno != 0 {
		t.Fatalf("timer_create: %v", errno)
	}
	return func() {
		t.Helper()
		if _, _, errno := unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(id), 0, 0); errno != 0 {
			t.Fatalf("timer_delete: %v", errno)
		}
	}
}

// testTimerOfStopped: the periodic timer of a process that is stopped waits for it to take
// a signal, and is armed all the same.
func testTimerOfStopped(t *testing.T, f *field) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pid := child(t, func(c *exec.Cmd) { c.Env, c.Stdout = append(os.Environ(), asTicking+"=1"), w }, exe)
	w.Close()
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "here\n" {
		t.Fatalf("a process with a timer says %q, %v", line, err)
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "it is stopped, and a signal of its timer waits", func() bool {
		pending := statusOf(pid, "ShdPnd")
		return processOf(t, f.kernels[0], pid).State == "T" && len(pending) == 1 && strings.HasSuffix(pending[0], "2000")
	})
	for _, k := range f.kernels {
		if armed, known := processOf(t, k, pid).Timers.Get(); !armed || !known {
			t.Errorf("%s: the timer of a stopped process: armed %v, known %v", k.tier, armed, known)
		}
	}
}

// testWaitsOn: the thing that a thread waits on in read() is found by the descriptor in its own
// table. A call whose first argument is no descriptor waits on nothing.
func testWaitsOn(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{})
	client := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)}).FD
	server := l.Take()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	must := mustFD(t)
	for _, fd := range append(pipe[:], pair[:]...) {
		must(fd, nil)
	}
	for _, c := range []struct {
		kind       listener.ThingKind
		read, wake int
	}{
		{listener.ThingPipe, pipe[0], pipe[1]},
		{listener.ThingUnix, pair[0], pair[1]},
		{listener.ThingConnection, server, client},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			want := make([]listener.Thing, len(f.kernels))
			for i, k := range f.kernels {
				want[i] = thingOf(t, k, c.read)
			}
			tid := reader(t, livetest.NewThread(t), func() int { return c.read }, c.wake)
			for i, k := range f.kernels {
				on := waitsOn(t, k, tid, unix.SYS_READ)
				if on != want[i] || on.Kind != c.kind || on.Object == 0 || on.File == 0 || on.Inode != inodeOf(t, c.read) {
					t.Errorf("%s: %+v, want %+v", k.tier, on, want[i])
				}
			}
		})
	}

	// In the thread's own table the number is of another thing, or of none.
	inode := inodeOf(t, pipe[0])
	const high = 700 // nothing in the process's table
	th := livetest.NewThread(t)
	tid := reader(t, th, func() int {
		if err := unix.Unshare(unix.CLONE_FILES); err != nil {
			t.Error(err)
		}
		if err := unix.Dup3(pipe[0], high, unix.O_CLOEXEC); err != nil {
			t.Error(err)
		}
		return high
	}, pipe[1])
	for _, k := range f.kernels {
		if on := waitsOn(t, k, tid, unix.SYS_READ); on.Kind != listener.ThingPipe || on.Inode != inode || on.FD != high {
			t.Errorf("%s: in a table of its own: %+v", k.tier, on)
		}
	}

	testWildArguments(t, f, pipe[0])
}

// testWildArguments: a first argument that is no descriptor refers to nothing, whatever it is.
func testWildArguments(t *testing.T, f *field, open int) {
	for _, arg := range []uint64{
		uint64(open), 1<<32 | uint64(open), 9999, 1 << 20, 1<<31 - 1, 1<<32 - 1, 1 << 60, 1<<63 - 1, 1<<64 - 1,
	} {
		var stop atomic.Bool
		tids, done := make(chan int), make(chan struct{})
		th := livetest.NewThread(t)
		go func() {
			defer close(done)
			th.Do(func() {
				tids <- unix.Gettid()
				for !stop.Load() { // of no descriptors, wherever they would be
					moment := unix.NsecToTimespec(int64(50 * time.Millisecond))
					_, _, _ = unix.Syscall6(unix.SYS_PPOLL, uintptr(arg), 0, uintptr(unsafe.Pointer(&moment)), 0, 0, 0)
				}
			})
		}()
		tid := <-tids
		for _, k := range f.kernels {
			if on := waitsOn(t, k, tid, unix.SYS_PPOLL); (on.Kind != "") != (arg == uint64(open)) {
				t.Errorf("%s: a first argument of %#x is of %+v", k.tier, arg, on)
			}
		}
		stop.Store(true)
		<-done
	}
}

// reader makes a thread sleep in read() of a descriptor until the test ends, which writes
// to the other end.
func reader(t *testing.T, th *livetest.Thread, fd func() int, wake int) (tid int) {
	t.Helper()
	asleep, done := make(chan int), make(chan struct{})
	go func() {
		defer close(done)
		th.Do(func() {
			from := fd()
			asleep <- unix.Gettid()
			for {
				if _, err := unix.Read(from, make([]byte, 1)); !errors.Is(err, unix.EINTR) {
					return
				}
			}
		})
	}()
	t.Cleanup(func() {
		if _, err := unix.Write(wake, []byte{1}); err != nil {
			t.Errorf("wake a reader: %v", err)
		}
		<-done
	})
	return <-asleep
}

// waitsOn gives what a thread of this process waits on, once it sleeps in this call.
func waitsOn(t *testing.T, k live, tid, call int) (on listener.Thing) {
	t.Helper()
	livetest.Eventually(t, "a thread sleeps in the call", func() bool {
		for _, task := range processOf(t, k, os.Getpid()).Threads {
			if c, known := task.Call.Get(); task.TID == tid && known && c.Number == call {
				on, _ = task.On.Get()
				return true
			}
		}
		return false
	})
	return on
}
