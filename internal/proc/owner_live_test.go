package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// leaderEnds is set for the child of TestLeaderEndedLive.
const leaderEnds = "REUSEWATCH_TEST_LEADER_ENDS"

func TestMain(m *testing.M) {
	if os.Getenv(leaderEnds) != "" {
		endLeader()
	}
	os.Exit(m.Run())
}

// endLeader ends the main thread alone; the others of the runtime live on.
func endLeader() {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	os.Exit(3) // not on the main thread: try again
}

func TestFilesLive(t *testing.T) {
	f := New("")
	for range 20 {
		file, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
	}
	listed, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// The list holds the descriptor that it was read through.
	own, err := f.Files(os.Getpid())
	if err != nil || own.Limit != limit.Cur || own.Open < 23 || max(own.Open-len(listed), len(listed)-own.Open) > 2 || own.AtLimit() {
		t.Errorf("= %+v, %v; want %d open, limit %d", own, err, len(listed)-1, limit.Cur)
	}

	// A child has what is left open to it, and opens its libraries for a moment.
	pid := sleeper(t).Process.Pid
	var child Files
	eventually(t, "sleeps", func() bool {
		if child, err = f.Files(pid); err != nil || child.AtLimit() {
			t.Fatalf("%+v, %v", child, err)
		}
		p, err := f.Process(pid)
		listed, err2 := os.ReadDir(f.pidPath(pid, "fd"))
		return err == nil && err2 == nil && p.Wchan == "hrtimer_nanosleep" && child.Open == len(listed)
	})
	want := Files{Open: child.Open, Limit: uint64(child.Open)}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: want.Limit, Max: limit.Max}, nil); err != nil {
		t.Fatal(err)
	}
	if files, err := f.Files(pid); err != nil || files != want || !files.AtLimit() {
		t.Errorf("= %+v, %v; want %+v", files, err, want)
	}
}

func TestParentsLive(t *testing.T) {
	f := New("")
	pid := sleeper(t).Process.Pid
	got, err := f.Parents(pid)
	if err != nil || len(got) < 2 {
		t.Fatalf("= %+v, %v", got, err)
	}
	self, err := f.Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Parent{PID: os.Getpid(), Comm: self.Comm, UID: uint32(os.Geteuid()), UIDKnown: true}); got[0] != want {
		t.Errorf("parent %+v, want %+v", got[0], want)
	}
	if got[1].PID != os.Getppid() || got[1].Comm == "" {
		t.Errorf("its parent %+v, want pid %d", got[1], os.Getppid())
	}
	if inits := got[len(got)-1]; inits.PID != 1 || inits.Comm == "" {
		t.Errorf("last is %+v, want pid 1", inits)
	}
}

func TestPIDNamespaceLive(t *testing.T) {
	f := New("")
	own, err := f.PIDNamespace(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.PIDNamespace(sleeper(t).Process.Pid); err != nil || got != own {
		t.Errorf("a child's is %d, %v; want ours, %d", got, err, own)
	}
	if os.Geteuid() != 0 {
		t.Skip("making a pid namespace needs root")
	}
	cmd := exec.Command("sleep", "300")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	if got, err := f.PIDNamespace(cmd.Process.Pid); err != nil || got == own || got == 0 {
		t.Errorf("another's is %d, %v; ours %d", got, err, own)
	}
}

// A process whose leader has ended has its descriptors and threads still.
func TestLeaderEndedLive(t *testing.T) {
	f := New("")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), leaderEnds+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { end(cmd) })
		pid := cmd.Process.Pid
		left := 0
		eventually(t, "the leader ended", func() bool {
			threads, total, err := f.Threads(pid)
			left = total
			return err == nil && threads[0].State == 'Z'
		})
		if left < 2 {
			continue // exit status 3
		}
		if files, err := f.Files(pid); err != nil || files.Open < 3 {
			t.Errorf("Files = %+v, %v", files, err)
		}
		if sched, err := f.Sched(pid); err != nil || !sched.Known {
			t.Errorf("Sched = %+v, %v", sched, err)
		}
		got, err := f.Cgroups(pid)
		if own, err2 := f.Cgroups(os.Getpid()); err != nil || err2 != nil || fmt.Sprint(got) != fmt.Sprint(own) {
			t.Errorf("Cgroups = %+v, %v; want ours, %+v, %v", got, err, own, err2)
		}
		return
	}
	t.Error("the leader alone never ended")
}

func TestOwnerGone(t *testing.T) {
	f := New("")
	cmd := sleeper(t)
	pid := cmd.Process.Pid
	end(cmd)
	_, _, err1 := f.Threads(pid)
	_, err2 := f.Sched(pid)
	_, err3 := f.Cgroups(pid)
	_, err4 := f.Throttled(pid)
	_, err5 := f.Files(pid)
	_, err6 := f.Parents(pid)
	_, err7 := f.PIDNamespace(pid)
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d: error %v, want fs.ErrNotExist", i+1, err)
		}
	}
	if frozen, known := f.Frozen(pid); frozen || known {
		t.Errorf("Frozen = %v, %v", frozen, known)
	}
}
