package proc

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// leaderEnds is set for the child of TestLeaderEndedLive.
const leaderEnds = "REUSEWATCH_TEST_LEADER_ENDS"

func TestMain(m *testing.M) {
	if root := os.Getenv(asHelper); root != "" {
		if err := New(root).Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
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
	own, err := filesIn("/proc/self")
	apart := max(own.Open-len(listed), len(listed)-own.Open)
	if err != nil || own.Limit != limit.Cur || own.Open < 23 || apart > 2 || own.AtLimit() {
		t.Errorf("= %+v, %v; want %d open, limit %d", own, err, len(listed)-1, limit.Cur)
	}

	// A child has what is left open to it, and opens its libraries for a moment.
	pid := sleeper(t).Process.Pid
	var child Files
	eventually(t, "sleeps", func() bool {
		if child, err = filesIn(f.pidPath(pid)); err != nil || child.AtLimit() {
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
	if files, err := filesIn(f.pidPath(pid)); err != nil || files != want || !files.AtLimit() {
		t.Errorf("= %+v, %v; want %+v", files, err, want)
	}
}

// A process whose leader has ended has its descriptors and cgroups still, by another
// of its threads.
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
		t.Cleanup(func() { endProcess(cmd) })
		pid := cmd.Process.Pid
		eventually(t, "the leader ended", func() bool {
			st, err := f.stat(pid)
			return err == nil && st.state == 'Z'
		})
		tids, err := os.ReadDir(f.pidPath(pid, "task"))
		if err != nil || len(tids) < 2 {
			continue // exit status 3
		}
		tid, _ := strconv.Atoi(tids[1].Name())
		a := f.ask(&Question{PID: pid, TID: tid, What: Names | Limits})
		own := f.ask(&Question{PID: os.Getpid(), What: Names})
		if a.Gone || !a.FilesKnown || a.Files.Open < 3 || !reflect.DeepEqual(a.Cgroups, own.Cgroups) {
			t.Errorf("by thread %d: %+v", tid, a)
		}
		if a := f.ask(&Question{PID: pid, What: Limits}); a.FilesKnown && a.Files.Open != 0 {
			t.Errorf("by its leader: %+v", a)
		}
		return
	}
	t.Error("the leader alone never ended")
}
