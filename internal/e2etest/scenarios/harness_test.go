package scenarios

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asReusewatch makes the test binary be reusewatch, so that what is tried is
// the real command, and a VM needs no compiler.
const asReusewatch = "REUSEWATCH_TEST_BINARY"

func TestMain(m *testing.M) {
	if spec := os.Getenv(asSurrounded); spec != "" {
		fmt.Fprintln(os.Stderr, beSurrounded(spec))
		os.Exit(1)
	}
	if os.Getenv(asReusewatch) != "" {
		os.Exit(cli.Main(os.Args[1:], "devel"))
	}
	if spec := os.Getenv(asServer); spec != "" {
		fmt.Fprintln(os.Stderr, beServer(spec))
		os.Exit(1)
	}
	// They wait for most of their time. What loads a CPU, or sees all of the host, runs before
	// them, alone.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(sideBySide)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const sideBySide = 8

// command prepares `reusewatch args…`. What shows looks for itself unless it is
// told otherwise: the host's own daemon knows nothing of a test's settings.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	if len(args) > 0 && slices.Contains([]string{"list", "explain", "top"}, args[0]) && !slices.Contains(args, "--from") {
		args = append(slices.Clone(args), "--from", "kernel")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asReusewatch+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// output runs a command to its end.
func output(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return outputOf(t, command(t, args...))
}

// outputOf runs a prepared one.
func outputOf(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runtime.LockOSThread() // it ends with the thread that starts it
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

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

// process is a server that the test started.
type process struct {
	*exec.Cmd
	ended  chan struct{}
	log    bytes.Buffer
	worker int // that does its work, and ends with it; 0: itself
}

func (p *process) pid() int {
	if p.worker != 0 {
		return p.worker
	}
	return p.Process.Pid
}

// start starts a program inside the namespace; it ends with the test.
func start(t *testing.T, ns *livetest.Namespace, prepare func(*exec.Cmd), name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.log, &p.log
	// The namespace's thread lives as long as the test: so do its children at the most.
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if prepare != nil {
		prepare(p.Cmd)
	}
	var err error
	ns.Do(func() { err = p.Start() })
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL) // its own group: workers that it left
		<-p.ended
		if t.Failed() && p.log.Len() > 0 {
			t.Logf("%s: %s", name, p.log.String())
		}
	})
	return p
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// write puts a file into a folder of the test that any user may enter.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
