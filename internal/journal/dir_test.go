package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
)

// TestLocked: whoever holds the folder may be stopped; an act is not begun then, and no
// other user can hold it.
func TestLocked(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	f, err := regular.Open(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := regular.Lock(f, 0); err != nil {
		t.Fatal(err)
	}
	known := []listener.PastAct{{At: time.Now(), Group: "a"}, {At: time.Now(), Group: "b"}}
	acts, err := NewDir(path).Withdraw(known, known[1])
	if !errors.Is(err, regular.ErrLocked) || !slices.Equal(acts, known[:1]) {
		t.Errorf("an act was taken back, or what is known is not: %v, %v", acts, err)
	}
	if info, err := f.Stat(); err != nil || info.Mode() != 0o600 {
		t.Errorf("the lock has mode %v, %v", info.Mode(), err)
	}
}

// TestSweep: what a killed run left half written goes, and nothing else.
func TestSweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if err := NewDir(path).Sweep(); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := NewDir(path).Record(nil, listener.PastAct{At: time.Now(), Group: "a"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acts.json.new", "rescue.json.new", "disarmed", "notes.new"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("[{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := NewDir(path).Sweep(); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(path)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if want := []string{"acts.json", "disarmed", "lock", "notes.new"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("the folder has %q, want %q; %v", names, want, err)
	}
}

// TestNotOurs: a folder that another may write into is refused, for reading and writing.
func TestNotOurs(t *testing.T) {
	path := t.TempDir()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	d := NewDir(path)
	if err := d.Check(); err == nil {
		t.Error("everybody's folder is taken")
	}
	if _, err := d.Record(nil, listener.PastAct{Group: "a"}); err == nil {
		t.Error("an act is kept in it")
	}
	if err := NewDir("").Check(); err != nil {
		t.Errorf("no folder at all: %v", err)
	}
}

func TestNothingIsKept(t *testing.T) {
	t.Chdir(t.TempDir())
	d := NewDir("")
	if acts, err := d.Record(nil, listener.PastAct{Group: "a"}); err != nil || len(acts) != 1 || d.Disarmed() {
		t.Errorf("%v, %v, disarmed %v", acts, err, d.Disarmed())
	}
	if acts, err := d.Acts(); err != nil || acts != nil {
		t.Errorf("%v, %v of a run that kept nothing", acts, err)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestDisarmed(t *testing.T) {
	path := t.TempDir()
	d := NewDir(path)
	if d.Disarmed() {
		t.Error("disarmed without a file")
	}
	if err := os.WriteFile(filepath.Join(path, "disarmed"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !d.Disarmed() {
		t.Error("armed with the file")
	}
	if !NewDir(filepath.Join(path, "disarmed")).Disarmed() {
		t.Error("armed, though the folder cannot be looked into")
	}
}
