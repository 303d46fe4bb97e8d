package livetest

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Manager stands in for systemd, at the other end of sd_notify. The real one is
// tried by scripts/systemd-test.
type Manager struct {
	t    testing.TB
	mu   sync.Mutex
	told []string
}

// Manage makes what this test starts have a service manager, with a watchdog unless that is 0.
func Manage(t *testing.T, watchdog time.Duration) *Manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	t.Setenv("NOTIFY_SOCKET", path)
	if watchdog > 0 {
		t.Setenv("WATCHDOG_USEC", strings.TrimSuffix(watchdog.String(), "s")+"000000")
	}
	return ManageAt(t, path)
}

// ManageAt is a service manager that listens at a path from now on.
func ManageAt(t testing.TB, path string) *Manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	m := &Manager{t: t}
	go m.read(conn)
	return m
}

// read reads until the socket is closed.
func (m *Manager) read(conn *net.UnixConn) {
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

// Told is what it was told, but for heartbeats.
func (m *Manager) Told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.told), func(s string) bool { return s == "WATCHDOG=1" })
}

// Beats is how many heartbeats there were.
func (m *Manager) Beats() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, state := range m.told {
		if state == "WATCHDOG=1" {
			n++
		}
	}
	return n
}

// Await waits until it is told this.
func (m *Manager) Await(state string) {
	m.t.Helper()
	Eventually(m.t, state, func() bool { return slices.Contains(m.Told(), state) })
}
