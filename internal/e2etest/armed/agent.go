package armed

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

// patience is the limit of whatever has to happen: a host that is loaded is slow.
const patience = 3 * time.Minute

// LongEnough is that of an act that is due, far longer than one takes.
const LongEnough = 2 * time.Minute

// Agent is an armed `reusewatch run` for one network namespace of the test's, ended and
// started anew as often as the scene wants.
type Agent struct {
	// Told is told of each event as it is read; nil: nobody is.
	Told func(Event)

	t      testing.TB
	binary string
	state  string
	flags  []string
	thread *livetest.Thread // its parent, which lives as long as the test, in the host's own network

	now *running // nil: it does not run

	errs   livetest.Messages
	mu     sync.Mutex
	events []Event
}

// New is one that does not run yet, with the flags of every run: where it acts, and where it
// keeps what outlives it, are given here.
func New(t testing.TB, binary string, ns *livetest.Namespace, state string, flags ...string) *Agent {
	t.Helper()
	flags = append([]string{"run", "-o", "json", "--action", "kill", "--netns", ns.Path, "--state-dir", state}, flags...)
	return &Agent{t: t, binary: binary, state: state, flags: flags, thread: livetest.NewThread(t)}
}

// running is one run of it.
type running struct {
	cmd   *exec.Cmd
	ready chan struct{}
	ended chan struct{}
}

// Event is what is read of what an agent tells.
type Event struct {
	Event    string
	Time     time.Time
	PID      int
	Action   string
	Method   string
	Error    string
	Rescued  *int
	Stale    *int
	Listener Listener
}

// passing: it tells that a listener began or ended, by whomever. Of these there may be
// millions, so they are not kept.
func (e Event) passing() bool { return e.Event == "listening" || e.Event == "closed" && e.PID == 0 }

// Listener is one as an agent tells of it.
type Listener struct {
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
	Owners []Owner
}

// Owner is a process that has a listener.
type Owner struct {
	PID  int
	Comm string
}

// Start runs it, and waits until it is ready.
func (a *Agent) Start() {
	a.t.Helper()
	a.Launch()
	select {
	case <-a.now.ready:
	case <-a.now.ended:
		a.t.Fatalf("reusewatch ended at once: %s", a.errs.String())
	case <-time.After(patience):
		a.t.Fatal("reusewatch is not ready")
	}
}

// Launch runs it, and waits for nothing.
func (a *Agent) Launch() {
	a.t.Helper()
	cmd := exec.Command(a.binary, a.flags...)
	// A service has a session of its own, by which the scheduler may share CPUs out: the
	// agent competes with what a scene does as it would with the servers of a host.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
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
}

func (a *Agent) read(r *running, lines *bufio.Scanner) {
	defer close(r.ended)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			a.t.Errorf("reusewatch said no JSON: %v: %s", err, lines.Text())
			continue
		}
		if e.Event == "ready" {
			close(r.ready)
		}
		if !e.passing() {
			a.mu.Lock()
			a.events = append(a.events, e)
			a.mu.Unlock()
		}
		if a.Told != nil {
			a.Told(e)
		}
	}
	_ = r.cmd.Wait()
}

// End ends it by a signal, and says what its exit code was; -1 for a signal.
func (a *Agent) End(with syscall.Signal) int {
	a.t.Helper()
	r := a.now
	a.now = nil
	if err := r.cmd.Process.Signal(with); err != nil {
		a.t.Fatalf("signal reusewatch: %v", err)
	}
	<-r.ended
	return r.cmd.ProcessState.ExitCode()
}

// Stop ends it as a service manager does.
func (a *Agent) Stop() {
	a.t.Helper()
	if code := a.End(syscall.SIGTERM); code != 0 {
		a.t.Errorf("reusewatch ended with exit code %d: %s", code, a.errs.String())
	}
}

// PID of the running one.
func (a *Agent) PID() int { return a.now.cmd.Process.Pid }

// Complaints are what its runs wrote to stderr.
func (a *Agent) Complaints() string { return a.errs.String() }

// Signal sends a signal to a running one, and waits for nothing.
func (a *Agent) Signal(s syscall.Signal) {
	a.t.Helper()
	if err := a.now.cmd.Process.Signal(s); err != nil {
		a.t.Fatalf("signal reusewatch: %v", err)
	}
}

// Of are the events of these kinds.
func (a *Agent) Of(kinds ...string) []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.events), func(e Event) bool { return !slices.Contains(kinds, e.Event) })
}

// Looks waits until a running one has looked at all so many times more.
func (a *Agent) Looks(n int) {
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
	Listeners []Listener
}

func (a *Agent) list() listing {
	var l listing
	out, err := exec.Command(a.binary, "list", "-o", "json", "--from", "unix:"+a.state+"/reusewatch.sock").Output()
	if err == nil && json.Unmarshal(out, &l) != nil {
		a.t.Errorf("a daemon showed no JSON: %s", out)
	}
	return l
}

// Says is what a running one decides now about the listener of a process, "" where it
// tells of none.
func (a *Agent) Says(pid int) (Listener, bool) {
	for _, l := range a.list().Listeners {
		for _, o := range l.Owners {
			if o.PID == pid {
				return l, true
			}
		}
	}
	return Listener{}, false
}

// Why is the decision about a listener in one word or more.
func (l *Listener) Why() string {
	if l.Decision == nil {
		return l.Verdict
	}
	return l.Decision.Class + "; " + l.Decision.Act + ": " + strings.Join(l.Decision.Reasons, "+")
}

// AwaitEnd waits until a member that is at a dead end has been ended, and says "acted"; or
// why it was rightly left where it is. An act that is due and does not come fails the test.
func (a *Agent) AwaitEnd(what string, pid int, ended func() bool) string {
	a.t.Helper()
	began, last, starved, delayed := time.Now(), "nothing was said", 0, a.Delayed()
	for looks := 1; !ended(); looks++ {
		select {
		case <-a.now.ended:
			a.t.Errorf("MISS: %s pid %d is still there, and reusewatch has ended by itself: %s", what, pid, a.errs.String())
			return "failed"
		default:
		}
		if l, said := a.Says(pid); said {
			last = l.Why()
			if l.Decision != nil && slices.Contains(l.Decision.Reasons, "starved") {
				starved++
			}
		}
		if time.Since(began) > LongEnough {
			switch {
			case 2*starved > looks:
				return "held: starved"
			case a.Delayed()-delayed > LongEnough/4:
				return "held: the agent was starved"
			}
			a.t.Errorf("MISS: %s pid %d is still there after %s: %s", what, pid, LongEnough, last)
			return "failed"
		}
		time.Sleep(500 * time.Millisecond)
	}
	return "acted"
}

// Delayed is for how long threads of a running one waited for a CPU so far.
func (a *Agent) Delayed() time.Duration {
	a.t.Helper()
	var sum time.Duration
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", a.PID()))
	for _, file := range files {
		var ran, waited time.Duration // in nanoseconds
		b, _ := os.ReadFile(file)
		if _, err := fmt.Sscan(string(b), &ran, &waited); err == nil {
			sum += waited
		}
	}
	return sum
}
