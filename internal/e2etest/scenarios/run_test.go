package scenarios

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// told is what a test reads of one event.
type told struct {
	Event     string
	Time      time.Time
	Tier      string
	PID       int
	Method    string
	Error     string
	Listeners []string
	ActID     string `json:"act_id"`
	Action    string
	Rescue    string
	Rescued   *int
	Stale     *int
	TookMS    int `json:"took_ms"`
	Evidence  string
	Listener  struct {
		Cookie            string
		Local             string
		Verdict           string
		Cause             string
		Queue             int
		OldestWaitSeconds *float64 `json:"oldest_wait_seconds"`
		Decision          *struct {
			Act     string
			Reasons []string
		}
		Owners []struct {
			PID     int
			User    string
			Culprit bool
		}
		Findings    []string
		Generations *int
		Superseded  *toldSuperseded
		Mixed       *struct{ Programs, Users []string }
	}
}

// toldSuperseded is what a test reads of an older generation.
type toldSuperseded struct {
	Old, New struct {
		PIDs    []int
		Cmdline []string
		UID     uint32
		Age     float64 `json:"age_seconds"`
		Configs []struct{ Path string }
	}
	Why   []string
	Share *float64
}

// runner is a `reusewatch run`.
type runner struct {
	t      testing.TB
	cmd    *exec.Cmd
	errs   livetest.Messages
	mu     sync.Mutex
	events []told
	ended  chan struct{}
}

// runArmed starts `run --action kill`, which is only ever armed for one
// network namespace that the test made.
func runArmed(t *testing.T, ns *livetest.Namespace, args ...string) *runner {
	t.Helper()
	return run(t, append([]string{"--action", "kill", "--netns", ns.Path, "--state-dir", t.TempDir()}, args...)...)
}

// run starts `run -o json` and waits until it is ready. The host's own state folder
// is none of a test's business.
func run(t testing.TB, args ...string) *runner {
	t.Helper()
	if !slices.Contains(args, "--state-dir") {
		args = append([]string{"--state-dir", t.TempDir()}, args...)
	}
	return await(t, command(t, append([]string{"run", "-o", "json"}, args...)...))
}

// await starts a prepared run and waits until it is ready.
func await(t testing.TB, cmd *exec.Cmd) *runner {
	t.Helper()
	r := &runner{t: t, cmd: cmd, ended: make(chan struct{})}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = &r.errs
	// It ends with the thread that starts it, and those of tests beside come and go.
	livetest.NewThread(t).Do(func() { err = r.cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	go r.read(bufio.NewScanner(stdout))
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
		if t.Failed() {
			t.Logf("%v\n%s", r.cmd.Args[1:], r.errs.String())
			for _, e := range r.all() {
				t.Logf("%+v", e)
			}
		}
	})
	r.await("ready", func(e told) bool { return e.Event == "ready" })
	return r
}

func (r *runner) read(lines *bufio.Scanner) {
	defer close(r.ended)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e told
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			r.t.Errorf("not JSON: %v: %s", err, lines.Text())
			continue
		}
		r.mu.Lock()
		r.events = append(r.events, e)
		r.mu.Unlock()
	}
	_ = r.cmd.Wait()
}

func (r *runner) all() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]told(nil), r.events...)
}

func (r *runner) find(is func(told) bool) (told, bool) {
	for _, e := range r.all() {
		if is(e) {
			return e, true
		}
	}
	return told{}, false
}

// await waits for an event; the limit is far longer than it ever takes.
func (r *runner) await(what string, is func(told) bool) told {
	r.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if e, ok := r.find(is); ok {
			return e
		}
		select {
		case <-r.ended:
			r.t.Fatalf("the run ended before %s: %s", what, r.errs.String())
		default:
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("no event: %s", what)
		}
	}
}

// none fails the test if one of these events came.
func (r *runner) none(kinds ...string) {
	r.t.Helper()
	for _, e := range r.all() {
		for _, kind := range kinds {
			if e.Event == kind {
				r.t.Errorf("%s: %+v", kind, e)
			}
		}
	}
}

// stop ends the run as Ctrl-C does, and returns its exit code.
func (r *runner) stop() int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Fatal(err)
	}
	<-r.ended
	return r.cmd.ProcessState.ExitCode()
}
