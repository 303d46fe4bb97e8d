package journal

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestFullDisk: half a line is taken back, no act is begun while an outcome is not in the
// log, and that comes as soon as there is room.
func TestFullDisk(t *testing.T) {
	path := longLog(t)
	l := mustOpen(t, path)
	must(t, l.Intent(act("a", 7)))
	for _, id := range []string{"b", ""} {
		whole := read(t, path)
		lift := fileLimit(t, len(whole)+100)
		begun := map[string]string{"b": "a", "": "b"}[id]
		if err := l.Outcome(ended(act(begun, 7), listener.Acted)); err == nil {
			t.Error("an outcome that found no room was kept")
		}
		if err := l.Outcome(ended(act("never begun", 7), listener.Failed)); err == nil {
			t.Error("another was kept")
		}
		if err := l.Intent(act("later", 7)); err == nil {
			t.Error("an act may be begun while the one before has no end")
		}
		if now := read(t, path); now != whole {
			t.Errorf("on a full disk the log became %q", now[len(whole):])
		}
		lift()
		if id == "" {
			must(t, l.Close())
		} else {
			must(t, l.Intent(act(id, 7)))
		}
	}
	wantLog(t, path, "intent a, outcome a, intent b, outcome b")
}

// TestSettledOnAFullDisk: what became of another's act is owed too, and by one agent alone.
func TestSettledOnAFullDisk(t *testing.T) {
	path := longLog(t)
	dead := mustOpen(t, path)
	must(t, dead.Intent(act("a", 7)))
	must(t, dead.Intent(act("b", 8)))
	gone := func(*listener.Act) listener.Result { return listener.FoundGone }
	l, other := mustOpen(t, path), mustOpen(t, path)
	lift := fileLimit(t, len(read(t, path))+100)
	if l.Settle(gone) == nil || other.Settle(gone) == nil {
		t.Error("outcomes that found no room were kept")
	}
	lift()
	must(t, l.Intent(act("c", 9)))
	must(t, other.Close())
	wantLog(t, path, "intent a, intent b, outcome a, outcome b, intent c")
}

// longLog makes a log that begins with a long line of somebody else's: a limit beyond that
// leaves room for the list of files that `go test` has a test keep.
func longLog(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	appendTo(t, path, strings.Repeat("x", 1<<20)+"\n")
	return path
}

// wantLog holds the kinds and acts of a long log's other lines to these.
func wantLog(t *testing.T, path, want string) {
	t.Helper()
	var got []string
	_, lines, _ := strings.Cut(read(t, path), "\n")
	for line := range strings.Lines(lines) {
		var e entry
		must(t, json.Unmarshal([]byte(line), &e))
		got = append(got, string(e.Kind)+" "+e.ActID)
	}
	if strings.Join(got, ", ") != want {
		t.Errorf("the log has %q, want %s", got, want)
	}
}

// fileLimit has no file of the process grow beyond a size, until it is lifted.
func fileLimit(t *testing.T, size int) (lift func()) {
	t.Helper()
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &old))
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(size), Max: old.Max}))
	return func() { must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &old)) }
}
