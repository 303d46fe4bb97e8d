package proc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLineage: what is above a child of ours begins with us, and ends with an init.
func TestLineage(t *testing.T) {
	child := sleeper(t)
	f := New("")
	session, above, err := f.Lineage(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	// Zero where what started us, a CI say, leads it from outside our pid namespace.
	want, err := unix.Getsid(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	_, ours, err := f.Lineage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	start, err := f.StartTicks(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if session != want || above[0].PID != os.Getpid() || above[0].StartTicks != start || above[0].Exe != exe || above[0].Init {
		t.Errorf("session %d, %+v: want %d and us, pid %d", session, above[0], want, os.Getpid())
	}
	if len(above) != len(ours)+1 || !above[len(above)-1].Init {
		t.Errorf("%+v, want what is above us, %+v, up to an init", above, ours)
	}
	end(child)
	if _, _, err := f.Lineage(child.Process.Pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of one that has ended: %v", err)
	}
}

// TestModified: a file is found by any name that its process may give it, and
// dated by both clocks.
func TestModified(t *testing.T) {
	t.Chdir(t.TempDir())
	path, err := filepath.Abs("a.cfg")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := time.Now().Add(-time.Hour).Round(time.Second)
	if err := os.Chtimes(path, want, want); err != nil {
		t.Fatal(err)
	}
	child := sleeper(t) // started now: an hour after that was written
	start, err := New("").StartTicks(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, "a.cfg", "./a.cfg"} {
		at, since, err := New("").Modified(child.Process.Pid, name)
		if err != nil || !at.Equal(want) {
			t.Errorf("%s: %v, %v", name, at, err)
		}
		if apart := time.Duration(start)*(time.Second/userHZ) - since - time.Hour; apart.Abs() > time.Minute {
			t.Errorf("%s was written %s before its process started, by the clock since boot; want an hour", name, apart+time.Hour)
		}
	}
	for _, name := range []string{"none", "/", "/dev/null"} {
		if at, _, err := New("").Modified(child.Process.Pid, name); err == nil {
			t.Errorf("%s: %v", name, at)
		}
	}
}
