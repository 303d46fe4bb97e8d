package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// nobody is a user without any right.
const nobody = 65534

// TestHungNeighbour: what a process hangs in hangs whoever reads of it in /proc, for as
// long as a dead file system pleases. The watcher goes on, a start gets ready, the
// victim beside it is found and ended, and the run ends at once when it is told to.
func TestHungNeighbour(t *testing.T) {
	for _, how := range []way{wayPolled, wayFlushed} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, there before: %v", how, before), func(t *testing.T) {
				beside(t)
				ns, dead, state := livetest.Netns(t), livetest.DeadMount(t), t.TempDir()
				var r *runner
				if !before {
					r = armIn(t, ns, state)
				}
				const addr = "127.0.0.1:9001"
				path := map[way]string{wayPolled: dead.Polled, wayFlushed: dead.Flushed}[how]
				hung := serve(t, ns, server{Addr: addr, Then: how, Path: path, User: nobody})
				t.Cleanup(dead.Release) // before the test waits for its end
				// Nobody is to look at it in /proc: this test would hang, too.
				livetest.Eventually(t, "it hangs", func() bool { return dead.Stuck() > 0 })
				ns.Dial(livetest.Dial{To: addrPort(addr)})
				if before {
					r = armIn(t, ns, state)
				}
				stuck := serve(t, ns, server{Addr: web, Then: wayMutex})
				sibling := serve(t, ns, server{Addr: web})
				hangs(t, ns, web)
				killed(t, r, stuck.pid(), "blocked", "never-polled")
				answered(t, ns, web)
				// That its epoll set is locked is seen before a helper is sent to it.
				for _, pid := range helpersOf(t, r) {
					status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
					if strings.Contains(string(status), "State:\tD") {
						t.Errorf("helper %d hangs", pid)
					}
				}
				only(t, r, stuck.pid())
				if !sibling.alive() || !hung.alive() {
					t.Error("another one has ended")
				}
			})
		}
	}
}

// helpersOf are the processes that a run has started to read /proc.
func helpersOf(t *testing.T, r *runner) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", r.cmd.Process.Pid))
	if err != nil || len(lists) == 0 {
		t.Fatal(lists, err)
	}
	for _, path := range lists {
		b, _ := os.ReadFile(path) // a thread that has ended had none
		for _, word := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// TestNobodyOpensWhatAProcessNames: the command lines of two generations name files on
// a file system that may be dead by now. It is never asked anything, and what they
// name tells the two apart all the same.
func TestNobodyOpensWhatAProcessNames(t *testing.T) {
	beside(t)
	ns, dead := livetest.Netns(t), livetest.DeadMount(t)
	r := run(t, "--netns", ns.Path, "--interval", "100ms", "--superseded-after", "1s")
	// Under a name of its own: below a process of the same program all are one generation.
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old.cfg", "new.cfg"} {
		serve(t, ns, server{Addr: web}, func(cmd *exec.Cmd) {
			cmd.Path, cmd.Args = program, append(cmd.Args, "-f", dead.Jail+"/"+name)
		})
		time.Sleep(time.Second) // two that start together are one generation
	}
	e := r.await("finding", func(e told) bool { return e.Event == "finding" })
	if s := e.Listener.Superseded; s == nil || len(s.Old.Configs) != 1 || s.Old.Configs[0].Path != dead.Jail+"/old.cfg" {
		t.Errorf("%+v", e.Listener)
	}
	for _, pid := range append(helpersOf(t, r), r.cmd.Process.Pid) {
		if n := dead.AskedBy(pid); n != 0 {
			t.Errorf("process %d of it asked the file system %d times", pid, n)
		}
	}
}
