package proc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A thread of ours is blocked in read(2) of a pipe.
func TestBlockedThreadLive(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	tid, done := make(chan int, 1), make(chan struct{})
	go func() {
		defer close(done)
		_ = onOtherThread(func() error {
			if err := os.WriteFile("/proc/thread-self/comm", []byte("rw blocked"), 0); err != nil {
				t.Error(err)
			}
			tid <- unix.Gettid()
			_, err := unix.Read(pipe[0], make([]byte, 1))
			return err
		})
	}()
	t.Cleanup(func() {
		_ = unix.Close(pipe[1])
		<-done
		_ = unix.Close(pipe[0])
	})
	blocked := <-tid

	var got Thread
	eventually(t, "blocked", func() bool {
		threads, total, err := New("").Threads(os.Getpid())
		if err != nil || total < 2 || threads[0].TID != os.Getpid() {
			t.Fatalf("%+v, %d, %v; want the leader first", threads, total, err)
		}
		i := slices.IndexFunc(threads, func(th Thread) bool { return th.TID == blocked })
		if i < 0 {
			t.Fatalf("no thread %d in %+v", blocked, threads)
		}
		got = threads[i]
		return strings.HasSuffix(got.Wchan, "pipe_read") // anon_pipe_read from 6.15 on
	})
	if got.State != 'S' || got.Comm != "rw blocked" || got.Syscall != unix.SYS_READ {
		t.Errorf("%+v", got)
	}
	switch root := os.Geteuid() == 0; {
	case root && (len(got.Stack) < 2 || got.Stack[0] != got.Wchan || strings.Contains(fmt.Sprint(got.Stack), "+0x")):
		t.Errorf("stack %q, want it to begin in %s", got.Stack, got.Wchan)
	case !root && got.Stack != nil:
		t.Errorf("stack %q without privileges", got.Stack)
	}
}

func TestStoppedThreadLive(t *testing.T) {
	cmd := sleeper(t)
	if err := cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped", func() bool {
		threads, total, err := New("").Threads(cmd.Process.Pid)
		if err != nil || total != 1 || len(threads) != 1 {
			t.Fatalf("%+v, %d, %v", threads, total, err)
		}
		return threads[0].State == 'T'
	})
}

// Two that spin on one CPU wait half of the time each; one that sleeps does not.
func TestWaitShareLive(t *testing.T) {
	cpu := oneCPU(t)
	spinsOn(t, cpu)
	spinner, sleeps := spinsOn(t, cpu), sleeper(t).Process.Pid
	eventually(t, "a spinner waits", func() bool { s := waitShare(t, spinner); return s > 0.25 && s < 1.1 })
	eventually(t, "a sleeper does not", func() bool { return waitShare(t, sleeps) == 0 })
}

// What waits beside a busy process that takes all has no end of its wait to book:
// in most of these spells it never gets the CPU.
func TestWaitThatLastsLive(t *testing.T) {
	cpu := oneCPU(t)
	starved := spinsOn(t, cpu) // ends last: it takes a CPU to die
	if err := unix.Setpriority(unix.PRIO_PROCESS, spinsOn(t, cpu), -20); err != nil {
		t.Fatal(err)
	}
	if err := unix.SchedSetAttr(starved, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		t.Fatal(err)
	}
	waitShare(t, starved) // it may have been running
	for range 10 {
		if s := waitShare(t, starved); s < 0.5 {
			t.Errorf("it waited %.2f of the time", s)
		}
	}
}

// waitShare looks on for a while.
func waitShare(t *testing.T, pid int) float64 {
	t.Helper()
	var first, last Sched
	start := time.Now()
	for range 10 {
		now, err := New("").Sched(pid)
		if err != nil || !now.Known || now.Run < last.Run {
			t.Fatalf("%+v, %v; before %+v", now, err, last)
		}
		now.Follow(last, time.Now())
		if last = now; !first.Known {
			first = now
		}
		time.Sleep(20 * time.Millisecond)
	}
	return last.WaitShare(first, time.Since(start))
}

func oneCPU(t *testing.T) *unix.CPUSet {
	t.Helper()
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	for cpu := len(allowed)*64 - 1; cpu >= 0; cpu-- { // a small machine does its own work on the first
		if allowed.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	return &one
}

func spinsOn(t *testing.T, cpu *unix.CPUSet) (pid int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	if err := unix.SchedSetaffinity(cmd.Process.Pid, cpu); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}
