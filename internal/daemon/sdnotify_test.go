package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestManagerTakesNothing: a manager whose queue is full makes nobody wait, hears what
// became of the service in order once it reads again, and of the status the newest.
func TestManagerTakesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	full := 0
	for sendNow(path, "FILL=1") == nil {
		full++
	}
	var logged livetest.Messages
	n := newNotifier(slog.New(slog.NewTextHandler(&logged, nil)), time.Second)
	n.watchdog = time.Nanosecond
	n.ready()
	for i := range 1000 {
		n.status(fmt.Sprintf("%d listeners", i))
		n.tick()
		n.reload(func() {})
	}
	if !n.beat.IsZero() {
		t.Error("a heartbeat counts that nobody took")
	}
	if got := strings.Count(logged.String(), "\n"); got != 1 {
		t.Errorf("%d lines are logged:\n%s", got, logged.String())
	}
	next := func() string {
		b := make([]byte, 100)
		size, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:size])
	}
	for range full {
		if got := next(); got != "FILL=1" {
			t.Fatalf("told %q", got)
		}
	}
	n.tick()
	n.stopping()
	told := []string{next(), next(), next(), next()}
	ready := fmt.Sprintf("READY=1\nWATCHDOG_USEC=%d", 4*time.Second.Microseconds())
	want := []string{ready, "STATUS=999 listeners", "WATCHDOG=1", "STOPPING=1"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestManagerComesBack: what nobody heard while there was no manager is told when there is.
func TestManagerComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	t.Setenv("NOTIFY_SOCKET", path)
	n := newNotifier(slog.New(slog.NewTextHandler(io.Discard, nil)), time.Second)
	n.ready()
	m := livetest.ManageAt(t, path)
	n.tick()
	n.stopping()
	m.Await("STOPPING=1")
	if told := m.Told(); !slices.Equal(told, []string{"READY=1", "STOPPING=1"}) {
		t.Errorf("told %q", told)
	}
}
