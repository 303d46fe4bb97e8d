package scenarios

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

func TestNotify(t *testing.T) {
	ns := livetest.Netns(t)
	m := livetest.Manage(t, 0)
	stuck := ns.Listen(livetest.Listen{})
	r := run(t, "--netns", ns.Path, "--state-dir", t.TempDir(),
		"--interval", "100ms", "--stuck-after", "300ms", "--act-after", "1s")
	tier := r.all()[0].Tier
	m.Await("STATUS=1 listeners, 0 stuck, " + tier + " tier")
	ns.Dial(livetest.Dial{To: stuck.Addr})
	m.Await("STATUS=1 listeners, 1 stuck, " + tier + " tier")

	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "ready again", func() bool {
		return strings.HasSuffix(strings.Join(m.Told(), " "), "RELOADING=1 READY=1")
	})
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	m.Await("STOPPING=1")
	got := m.Told()
	if got[0] != "READY=1" || got[len(got)-1] != "STOPPING=1" {
		t.Errorf("told %q: want READY first and STOPPING last", got)
	}
	if m.Beats() != 0 {
		t.Errorf("%d heartbeats, and nobody asked", m.Beats())
	}
}

// TestWatchdogSlowTicks: the watchdog must not trip where ticks are rare by will.
func TestWatchdogSlowTicks(t *testing.T) {
	livetest.Root(t)
	m := livetest.Manage(t, time.Second)
	r := run(t, "--interval", "3s", "--state-dir", t.TempDir())
	m.Await("READY=1\nWATCHDOG_USEC=12000000")
	r.stop()
}

// TestWatchdogStarves: when ticks stop, the heartbeat does, though the process lives on;
// here it gets a thousandth of a CPU, which is too little for a look at one that is stuck.
func TestWatchdogStarves(t *testing.T) {
	ns := livetest.Netns(t)
	m := livetest.Manage(t, time.Second)
	state := t.TempDir()
	cmd := command(t, "run", "-o", "json", "--netns", ns.Path, "--state-dir", state,
		"--interval", "50ms", "--stuck-after", "1s")
	var told, errs livetest.Messages
	cmd.Stdout, cmd.Stderr = &told, &errs
	var err error
	livetest.NewThread(t).Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	defer func() {
		_ = cmd.Process.Kill()
		<-ended
	}()
	m.Await("READY=1")
	fed := m.Beats()
	livetest.Eventually(t, "heartbeats", func() bool { return m.Beats() > fed+2 })

	stuck := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: stuck.Dest(livetest.V4)})
	livetest.Eventually(t, "it is stuck", func() bool { return strings.Contains(told.String(), `"event":"stuck"`) })
	cpu := newCgroup(t, mounted(t, "cgroup", "cpu"))
	setIn(t, cpu, "cpu.cfs_period_us", "1000000")
	setIn(t, cpu, "cpu.cfs_quota_us", "1000")
	setIn(t, cpu, "cgroup.procs", strconv.Itoa(cmd.Process.Pid))
	// A tick comes every 50 ms, a heartbeat is due after 250: long silence is no chance.
	last, quiet := m.Beats(), time.Now()
	livetest.Eventually(t, "no heartbeat for 2 s", func() bool {
		if n := m.Beats(); n != last {
			last, quiet = n, time.Now()
		}
		return time.Since(quiet) > 2*time.Second
	})
	select {
	case <-ended:
		t.Fatalf("it ended: %s", errs.String())
	default:
	}

	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil { // as the watchdog does
		t.Fatal(err)
	}
	setIn(t, cpu, "cpu.cfs_quota_us", "-1")
	<-ended
	stacks, err := os.ReadFile(filepath.Join(state, "stalled.txt"))
	if err != nil || !strings.Contains(string(stacks), "(*Watcher).Run") {
		t.Errorf("the stacks do not tell where the tick stood: %v\n%s", err, stacks)
	}
	if said := errs.String(); !strings.Contains(said, "stalled.txt") || strings.Contains(said, "goroutine 1 [") {
		t.Errorf("said %q: want the file's name and no stacks", said)
	}
}
