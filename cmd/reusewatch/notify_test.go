package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// manager stands in for systemd, at the other end of sd_notify. The real one is
// tried by scripts/systemd-test.
type manager struct {
	t    *testing.T
	mu   sync.Mutex
	told []string
}

// manage makes the commands of this test have a service manager with a watchdog.
func manage(t *testing.T, watchdog time.Duration) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	if watchdog > 0 {
		t.Setenv("WATCHDOG_USEC", strings.TrimSuffix(watchdog.String(), "s")+"000000")
	}
	m := &manager{t: t}
	go m.read(conn)
	return m
}

// read reads until the socket is closed.
func (m *manager) read(conn *net.UnixConn) {
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.told = append(m.told, string(b[:n]))
		m.mu.Unlock()
	}
}

// all gives what was told, without the watchdog's food.
func (m *manager) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.told), func(s string) bool { return s == "WATCHDOG=1" })
}

func (m *manager) beats() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.told) - len(slices.DeleteFunc(slices.Clone(m.told), func(s string) bool { return s == "WATCHDOG=1" }))
}

func (m *manager) await(state string) {
	m.t.Helper()
	livetest.Eventually(m.t, state, func() bool { return slices.Contains(m.all(), state) })
}

func TestNotify(t *testing.T) {
	ns := livetest.Netns(t)
	m := manage(t, 0)
	stuck := ns.Listen(livetest.Listen{})
	r := run(t, "--netns", ns.Path, "--interval", "100ms", "--stuck-after", "300ms", "--act-after", "1s", "--state-dir", t.TempDir())
	tier := r.all()[0].Tier
	m.await("STATUS=1 listeners, 0 stuck, " + tier + " tier")
	ns.Dial(livetest.Dial{To: stuck.Addr})
	m.await("STATUS=1 listeners, 1 stuck, " + tier + " tier")

	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "ready again", func() bool { return strings.HasSuffix(strings.Join(m.all(), " "), "RELOADING=1 READY=1") })
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	m.await("STOPPING=1")
	got := m.all()
	if got[0] != "READY=1" || got[len(got)-1] != "STOPPING=1" {
		t.Errorf("told %q: want READY first and STOPPING last", got)
	}
	if m.beats() != 0 {
		t.Errorf("%d heartbeats, and nobody asked", m.beats())
	}
}

// TestWatchdogSlowTicks: the watchdog must not trip where ticks are rare by will.
func TestWatchdogSlowTicks(t *testing.T) {
	livetest.Root(t)
	m := manage(t, time.Second)
	r := run(t, "--interval", "3s", "--state-dir", t.TempDir())
	m.await("READY=1\nWATCHDOG_USEC=12000000")
	r.stop()
}

// TestWatchdogStarves: when ticks stop, the heartbeat does, though the process lives on;
// here it gets a thousandth of a CPU, which is too little for a look at one that is stuck.
func TestWatchdogStarves(t *testing.T) {
	ns := livetest.Netns(t)
	m := manage(t, time.Second)
	state := t.TempDir()
	cmd := command(t, "run", "-o", "json", "--netns", ns.Path, "--interval", "50ms", "--stuck-after", "1s", "--state-dir", state)
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
	m.await("READY=1")
	fed := m.beats()
	livetest.Eventually(t, "heartbeats", func() bool { return m.beats() > fed+2 })

	stuck := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: stuck.Dest(livetest.V4)})
	livetest.Eventually(t, "it is stuck", func() bool { return strings.Contains(told.String(), `"event":"stuck"`) })
	cpu := newCgroup(t, mounted(t, "cgroup", "cpu"))
	setIn(t, cpu, "cpu.cfs_period_us", "1000000")
	setIn(t, cpu, "cpu.cfs_quota_us", "1000")
	setIn(t, cpu, "cgroup.procs", strconv.Itoa(cmd.Process.Pid))
	// A tick comes every 50 ms, a heartbeat is due after 250: long silence is no chance.
	last, quiet := m.beats(), time.Now()
	livetest.Eventually(t, "no heartbeat for 2 s", func() bool {
		if n := m.beats(); n != last {
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
