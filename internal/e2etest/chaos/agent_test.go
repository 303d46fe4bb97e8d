package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// agent is an armed `reusewatch run` for one network namespace of the test's, ended and
// started anew as often as the scene wants.
type agent struct {
	t      testing.TB
	binary string
	ns     *livetest.Namespace
	state  string
	thread *livetest.Thread // its parent, which lives as long as the test, in the host's own network

	now *running // nil: it does not run

	errs   livetest.Messages
	mu     sync.Mutex
	events []event
}

// running is one run of it.
type running struct {
	cmd   *exec.Cmd
	ready chan struct{}
	ended chan struct{}
}

// event is what is read of what an agent tells.
type event struct {
	Event    string
	Time     time.Time
	PID      int
	Action   string
	Method   string
	Error    string
	Rescued  *int
	Stale    *int
	Listener told
}

// told is a listener as an agent tells of it.
type told struct {
	Cookie   string
	Verdict  string
	Cause    string
	Queue    int
	Decision *struct {
		Act     string
		Class   string
		Reason  string
		Reasons []string
	}
	Owners []struct {
		PID  int
		Comm string
	}
}

// start runs it with the flags of every cycle: all but the times are the defaults.
func (a *agent) start() {
	a.t.Helper()
	cmd := exec.Command(a.binary, "run", "-o", "json", "--action", "kill", "--netns", a.ns.Path, "--state-dir", a.state,
		"--stuck-after", "2s", "--act-after", "4s", "--interval", "250ms")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r := &running{cmd: cmd, ready: make(chan struct{}), ended: make(chan struct{})}
	cmd.Stderr = &a.errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	a.thread.Do(func() { err = cmd.Start() })
	if err != nil {
		a.t.Fatalf("start reusewatch: %v", err)
	}
	a.now = r
	go a.read(r, bufio.NewScanner(out))
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-r.ended
	})
	select {
	case <-r.ready:
	case <-r.ended:
		a.t.Fatalf("reusewatch ended at once: %s", a.errs.String())
	case <-time.After(patience):
		a.t.Fatal("reusewatch is not ready")
	}
}

func (a *agent) read(r *running, lines *bufio.Scanner) {
	defer close(r.ended)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			a.t.Errorf("reusewatch said no JSON: %v: %s", err, lines.Text())
			continue
		}
		if e.Event == "ready" {
			close(r.ready)
		}
		a.mu.Lock()
		a.events = append(a.events, e)
		a.mu.Unlock()
	}
	_ = r.cmd.Wait()
}

// end ends it by a signal, and says what its exit code was; -1 for a signal.
func (a *agent) end(with syscall.Signal) int {
	a.t.Helper()
	r := a.now
	a.now = nil
	if err := r.cmd.Process.Signal(with); err != nil {
		a.t.Fatalf("signal reusewatch: %v", err)
	}
	<-r.ended
	return r.cmd.ProcessState.ExitCode()
}

// stop ends it as a service manager does.
func (a *agent) stop() {
	a.t.Helper()
	if code := a.end(syscall.SIGTERM); code != 0 {
		a.t.Errorf("reusewatch ended with exit code %d: %s", code, a.errs.String())
	}
}

func (a *agent) signal(s syscall.Signal) {
	a.t.Helper()
	if err := a.now.cmd.Process.Signal(s); err != nil {
		a.t.Fatalf("signal reusewatch: %v", err)
	}
}

func (a *agent) all() []event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.events)
}

// of are the events of these kinds.
func (a *agent) of(kinds ...string) []event {
	return slices.DeleteFunc(a.all(), func(e event) bool { return !slices.Contains(kinds, e.Event) })
}

// looks waits until a running one has looked at all so many times more.
func (a *agent) looks(n int) {
	a.t.Helper()
	seen := map[string]bool{}
	livetest.Eventually(a.t, "reusewatch looks", func() bool {
		seen[a.list().Time] = true
		return len(seen) > n
	})
}

// listing is what is read of what a daemon shows.
type listing struct {
	Time      string
	Listeners []told
}

func (a *agent) list() listing {
	var l listing
	out, err := exec.Command(a.binary, "list", "-o", "json", "--from", "unix:"+a.state+"/reusewatch.sock").Output()
	if err == nil && json.Unmarshal(out, &l) != nil {
		a.t.Errorf("a daemon showed no JSON: %s", out)
	}
	return l
}

// says is what a running one decides now about the listener of a process, "" where it
// tells of none.
func (a *agent) says(pid int) (told, bool) {
	for _, l := range a.list().Listeners {
		for _, o := range l.Owners {
			if o.PID == pid {
				return l, true
			}
		}
	}
	return told{}, false
}

// why is the decision about a listener in one word or more.
func (l *told) why() string {
	if l.Decision == nil {
		return l.Verdict
	}
	return l.Decision.Class + "; " + l.Decision.Act + ": " + strings.Join(l.Decision.Reasons, "+")
}

// delayed is for how long threads of a running one waited for a CPU so far.
func (a *agent) delayed() time.Duration {
	a.t.Helper()
	var sum time.Duration
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", a.now.cmd.Process.Pid))
	for _, file := range files {
		var ran, waited time.Duration // in nanoseconds
		b, _ := os.ReadFile(file)
		if _, err := fmt.Sscan(string(b), &ran, &waited); err == nil {
			sum += waited
		}
	}
	return sum
}
