package fleettest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// seen is a listener as `list -o json` and the events show it.
type seen struct {
	Local    string
	Verdict  string
	Cause    string
	Queue    int
	Decision *struct {
		Act     string
		Reasons []string
	}
	Owners []struct {
		PID       int
		NSPID     int `json:"ns_pid"`
		Exe       *string
		Culprit   bool
		Container *struct {
			Runtime, ID, Pod, Namespace, Name, Image *string

			PodUID *string `json:"pod_uid"`
		}
	}
	Evidence *struct {
		Text   *string
		Owners []ownerEvidence
	}
}

type ownerEvidence struct {
	Usage     *struct{ Progress bool }
	FilesFull *bool `json:"files_full"`
	Threads   []struct{ Stack []string }
}

// event is what a test reads of one.
type event struct {
	Event    string
	PID      int
	Method   string
	Error    *string
	Rescue   *string
	Rescued  *int
	Listener seen
	line     string
}

// listeners looks once, at one network namespace.
func listeners(t *testing.T, netns string, args ...string) []seen {
	t.Helper()
	cmd := exec.Command(reusewatch(), append([]string{"list", "-o", "json", "--netns", netns}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, errs.String())
	}
	var list struct{ Listeners []seen }
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	return list.Listeners
}

// events are what a run has said so far.
type events struct {
	t     *testing.T
	mu    sync.Mutex
	all   []event
	ended chan struct{} // when the run has
}

// read reads the JSON lines of a run.
func read(t *testing.T, from io.Reader) *events {
	e := &events{t: t, ended: make(chan struct{})}
	go func() {
		defer close(e.ended)
		lines := json.NewDecoder(from)
		for {
			var line json.RawMessage
			err := lines.Decode(&line)
			next := event{line: string(line)}
			if err == nil {
				err = json.Unmarshal(line, &next)
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
					t.Errorf("read events: %v", err)
				}
				return
			}
			e.mu.Lock()
			e.all = append(e.all, next)
			e.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			for _, ev := range e.so() {
				t.Log(ev.line)
			}
		}
	})
	return e
}

// so gives the events so far.
func (e *events) so() []event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// await waits for an event, for far longer than it takes, or for the end.
func (e *events) await(is func(event) bool) (event, bool) {
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		over := time.Now().After(deadline)
		select {
		case <-e.ended:
			over = true
		default:
		}
		all := e.so()
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], true
		}
		if over {
			return event{}, false
		}
	}
}

// must is await for an event that has to come.
func (e *events) must(kinds ...string) event {
	e.t.Helper()
	ev, ok := e.await(func(ev event) bool { return slices.Contains(kinds, ev.Event) })
	if !ok {
		e.t.Fatalf("none of the events %v came", kinds)
	}
	return ev
}

// quick are the thresholds of a test; the network namespace that it made bounds
// whatever the run does.
func quick(p *pod, args ...string) []string {
	return append([]string{
		"run", "-o", "json", "--netns", p.Path, "--stuck-after", "2s", "--act-after", "3s", "--interval", "250ms",
		"--container-logs", p.logs, "--siblings", "pod",
	}, args...)
}

// onHost starts a run on the host, which ends with the test and keeps nothing in the
// host's own state folder.
func onHost(t *testing.T, args ...string) *events {
	t.Helper()
	if !slices.Contains(args, "--state-dir") {
		args = append(args, "--state-dir", t.TempDir())
	}
	cmd := exec.Command(reusewatch(), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := read(t, out)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-e.ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%v: %s", args, errs.String())
		}
	})
	e.must("ready")
	return e
}
