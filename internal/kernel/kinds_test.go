package kernel_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asLeader is set for the child whose main thread ends before the others.
const asLeader = "REUSEWATCH_TEST_LEADER_ENDS"

// asTicking is set for the child that has a periodic interval timer.
const asTicking = "REUSEWATCH_TEST_TICKS"

func TestMain(m *testing.M) {
	if user := os.Getenv(asHost); user != "" {
		if err := beHost(user); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(asClaimer) != "" {
		beClaimer()
		return
	}
	if os.Getenv(asTicking) != "" {
		every := unix.NsecToTimeval(int64(10 * time.Millisecond))
		if _, err := unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: every, Interval: every}); err == nil {
			fmt.Println("here")
		}
		time.Sleep(time.Hour)
	}
	if os.Getenv(asLeader) != "" {
		fmt.Println("here")
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0) // of this thread alone
		}
		os.Exit(3) // not on the main thread
	}
	os.Exit(m.Run())
}

// child starts a process that ends with the test.
func child(t *testing.T, prepare func(*exec.Cmd), argv ...string) int {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if prepare != nil {
		prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// processOf asks about one process with its threads.
func processOf(t *testing.T, k live, pid int) *listener.Process {
	t.Helper()
	all, err := k.Processes(listener.Ask{Threads: []int{pid}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 1 {
		t.Errorf("%d processes are told of, asked for one", len(all))
	}
	return all[pid]
}

// testProcessKinds: one in namespaces of its own, one that has ended and waits for its
// parent, one whose leader has ended before the others, a stopped one, one that has not
// executed anything, and what a process has used.
func testProcessKinds(t *testing.T, f *field) {
	k := f.kernels[0]
	sleep := func(p *listener.Process) bool { return p != nil && p.Comm == "sleep" && p.State == "S" }

	apart := child(t, func(c *exec.Cmd) {
		c.SysProcAttr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWNS
	}, "sleep", "300")
	livetest.Eventually(t, "a process in namespaces of its own sleeps", func() bool {
		return sleep(processOf(t, k, apart))
	})
	self := processOf(t, k, os.Getpid())
	p := processOf(t, k, apart)
	ownSpaces := p.PIDNS != self.PIDNS && p.NetNS != self.NetNS && p.MountNS != self.MountNS
	if p.NSPID != 1 || !ownSpaces || p.UserNS != self.UserNS || p.PPID != os.Getpid() {
		t.Errorf("in namespaces of its own: %+v; we are %+v", p, self)
	}
	if p.NeverExec || p.Execs == 0 || p.Kernel || p.MemoryUsers != 1 || p.Cgroup == 0 || p.Speaker != apart {
		t.Errorf("after an exec: %+v", p)
	}

	zombie := exec.Command("true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = zombie.Wait() }()
	livetest.Eventually(t, "one that has ended is told of", func() bool {
		p := processOf(t, k, zombie.Process.Pid)
		return p != nil && p.State == "Z" && p.NetNS == 0 && p.PPID == os.Getpid() && p.ThreadCount == 1
	})
	if c, waits := processOf(t, k, zombie.Process.Pid).Threads[0].Call.Get(); waits {
		t.Errorf("who has ended waits in %+v", c)
	}

	stopped := child(t, nil, "sleep", "300")
	if err := unix.Kill(stopped, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "a stopped one", func() bool { return processOf(t, k, stopped).State == "T" })
	if frozen, known := processOf(t, k, stopped).Frozen.Get(); frozen || !known {
		t.Errorf("who is stopped is frozen: %v, %v", frozen, known)
	}

	testLeaderEnded(t, k)
	testUsed(t, k)
}

// testLeaderEnded: another thread speaks for a process whose leader has ended.
func testLeaderEnded(t *testing.T, k live) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	others := processOf(t, k, os.Getpid()).Children
	for range 20 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		pid := child(t, func(c *exec.Cmd) { c.Env, c.Stdout = append(os.Environ(), asLeader+"=1"), w }, exe)
		w.Close()
		_, _ = bufio.NewReader(r).ReadString('\n')
		r.Close()
		livetest.Eventually(t, "the leader has ended", func() bool {
			p := processOf(t, k, pid)
			return p == nil || p.State == "Z"
		})
		children := processOf(t, k, os.Getpid()).Children
		p := processOf(t, k, pid)
		if p == nil || p.NetNS == 0 || p.MemoryUsers == 0 {
			continue // all of it ended, or is about to: its main goroutine was on another thread
		}
		// It lives, and is one child, however many threads speak for it.
		if children != others+1 {
			t.Errorf("%d children beside %d others, one with an ended leader", children, others)
		}
		self := processOf(t, k, os.Getpid())
		ours := p.NetNS == self.NetNS && p.NSPID == pid && p.PPID == os.Getpid()
		if p.Speaker == pid || !ours || p.ThreadCount < 2 || p.MemoryUsers < 1 {
			t.Errorf("%+v", p)
		}
		if p.Threads[0].TID != pid || p.Threads[0].State != "Z" {
			t.Errorf("the leader is not told of first: %+v", p.Threads)
		}
		return
	}
	t.Error("the leader alone never ended")
}

// testUsed: time slices, CPU time and bytes grow as they are used, and stand still in
// one that sleeps.
func testUsed(t *testing.T, k live) {
	quiet := child(t, nil, "sleep", "300")
	busy := child(t, nil, "sh", "-c", "while :; do echo 0123456789; done >/dev/null")
	livetest.Eventually(t, "one sleeps, the other runs", func() bool {
		q := processOf(t, k, quiet)
		return q.Comm == "sleep" && q.State == "S"
	})
	before, busyBefore := processOf(t, k, quiet), processOf(t, k, busy)
	livetest.Eventually(t, "the other has run", func() bool {
		b := processOf(t, k, busy)
		is, _ := b.Threads[0].Used.IO.Get()
		was, _ := busyBefore.Threads[0].Used.IO.Get()
		sched, _ := b.Threads[0].Sched.Get()
		first, _ := busyBefore.Threads[0].Sched.Get()
		return b.Threads[0].Used.Run > busyBefore.Threads[0].Used.Run+100*time.Millisecond &&
			is.WrittenBytes > was.WrittenBytes+10000 && is.WriteCalls > was.WriteCalls+900 && sched.Slices > first.Slices
	})
	after := processOf(t, k, quiet)
	was, _ := before.Threads[0].Sched.Get()
	is, known := after.Threads[0].Sched.Get()
	if !known || is != was || after.Threads[0].Used != before.Threads[0].Used {
		t.Errorf("one that sleeps: %+v, then %+v", before.Threads[0], after.Threads[0])
	}
	// A process keeps what threads used that have ended.
	ended := child(t, nil, "sh", "-c", "sleep 300; true")
	livetest.Eventually(t, "nothing was used by ended threads", func() bool {
		return processOf(t, k, ended).Ended.Run == 0
	})
}

// testCalls: which system call a thread waits in, with its arguments.
func testCalls(t *testing.T, f *field) {
	k := f.kernels[0]
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	pid := child(t, func(c *exec.Cmd) { c.Stdin = r }, "cat")
	r.Close()
	livetest.Eventually(t, "cat waits in read(0, …, size)", func() bool {
		p := processOf(t, k, pid)
		if p == nil || len(p.Threads) != 1 {
			return false
		}
		c, known := p.Threads[0].Call.Get()
		return known && c.Number == unix.SYS_READ && c.Args[0] == 0 && c.Args[2] > 0 && !c.Compat &&
			slices.ContainsFunc(p.Threads[0].Stack, func(f string) bool { return f == "pipe_read" || f == "anon_pipe_read" })
	})
	if is := of(pid, "syscall"); is != "" {
		c, _ := processOf(t, k, pid).Threads[0].Call.Get()
		want := strconv.Itoa(c.Number)
		for _, arg := range c.Args {
			want += fmt.Sprintf(" 0x%x", arg)
		}
		if is[:min(len(is), len(want))] != want {
			t.Errorf("told %q, /proc says %q", want, is)
		}
	}
	// A process that is asked for under Some comes without threads and calls.
	all, err := k.Processes(listener.Ask{Some: []int{pid}, Leaders: []int{os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all[pid].Threads) != 0 || all[pid].Wchan != "" {
		t.Errorf("%d processes, one of them %+v", len(all), all[pid])
	}
}
