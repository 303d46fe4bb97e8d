package benchtest

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// event is what a benchmark reads of one that `run` told.
type event struct {
	Event string
	Time  time.Time
}

// daemon is a `reusewatch run` of the binary under test.
type daemon struct {
	b       *testing.B
	cmd     *exec.Cmd
	started time.Time
	mu      sync.Mutex
	events  []event
	ended   chan struct{}
}

// run starts one, which observes unless the arguments say otherwise, and does not wait.
func run(b *testing.B, args ...string) *daemon {
	b.Helper()
	cmd := exec.Command(reusewatch(b), append([]string{"run", "-o", "json", "--state-dir", b.TempDir()}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	must(b, err)
	d := &daemon{b: b, cmd: cmd, started: time.Now(), ended: make(chan struct{})}
	must(b, cmd.Start())
	go d.read(bufio.NewScanner(out))
	b.Cleanup(d.stop)
	return d
}

func (d *daemon) read(lines *bufio.Scanner) {
	defer close(d.ended)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			e.Time = time.Now() // to the microsecond: its own is to the millisecond
			d.mu.Lock()
			d.events = append(d.events, e)
			d.mu.Unlock()
		}
	}
}

// await waits for the first event of a kind.
func (d *daemon) await(kind string) event {
	d.b.Helper()
	var found event
	livetest.Eventually(d.b, "run says "+kind, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		i := slices.IndexFunc(d.events, func(e event) bool { return e.Event == kind })
		if i >= 0 {
			found = d.events[i]
		}
		return i >= 0
	})
	return found
}

// ready waits until it watches, and gives the milliseconds since its start.
func (d *daemon) ready() float64 { return milliseconds(d.await("ready").Time.Sub(d.started)) }

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// stop ends it as Ctrl-C does.
func (d *daemon) stop() {
	if d.cmd.ProcessState != nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGINT)
	<-d.ended
	_ = d.cmd.Wait()
}
