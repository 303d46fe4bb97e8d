package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
)

func TestActs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "reusewatch")
	d := At(path)
	if acts, err := d.Acts(); err != nil || acts != nil {
		t.Fatalf("%v, %v of an empty folder", acts, err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old := listener.PastAct{At: now.Add(-25 * time.Hour), Group: "a", Netns: 1}
	first := listener.PastAct{At: now.Add(-time.Hour), Group: "b", Netns: 2}
	second := listener.PastAct{At: now, Group: "c", Netns: 3}
	acts, err := d.Record([]listener.PastAct{old, first}, second)
	if err != nil {
		t.Fatal(err)
	}
	want := []listener.PastAct{first, second}
	if diff := cmp.Diff(want, acts); diff != "" {
		t.Error(diff)
	}
	if acts, err = At(path).Acts(); err != nil || !cmp.Equal(want, acts) {
		t.Errorf("the next start reads %v, %v", acts, err)
	}
	if acts, err = d.Withdraw(acts, second); err != nil || !cmp.Equal([]listener.PastAct{first}, acts) {
		t.Errorf("the second taken back: %v, %v", acts, err)
	}
	if acts, err = At(path).Acts(); err != nil || !cmp.Equal([]listener.PastAct{first}, acts) {
		t.Errorf("the next start reads %v, %v", acts, err)
	}
	for _, torn := range []string{"{", "", "{}", `[{"at":`, `[{"group":"b"}]`, "[null]", "[" + strings.Repeat(" ", most) + "]"} {
		if err := os.WriteFile(filepath.Join(path, "acts.json"), []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Acts(); err == nil {
			t.Errorf("%.20q is read without an error", torn)
		}
	}
}

// TestTwoAtATime: a daemon and a person's command count both acts, whatever each knew, and
// an act is taken back without those of others.
func TestTwoAtATime(t *testing.T) {
	path := t.TempDir()
	var both sync.WaitGroup
	const each = 50
	for i := range 2 {
		both.Go(func() {
			for n := range each {
				act := listener.PastAct{At: time.Now(), Group: fmt.Sprint(i), Netns: uint64(n)}
				if _, err := At(path).Record(nil, act); err != nil {
					t.Error(err)
				}
				if n%2 == 0 {
					continue
				}
				if _, err := At(path).Withdraw(nil, act); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	if acts, err := At(path).Acts(); err != nil || len(acts) != each {
		t.Errorf("%d acts count, want %d: %v", len(acts), each, err)
	}
}

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
	if acts, err := At(path).Withdraw(known, known[1]); !errors.Is(err, regular.ErrLocked) || !slices.Equal(acts, known[:1]) {
		t.Errorf("an act was taken back, or what is known is not: %v, %v", acts, err)
	}
	if info, err := f.Stat(); err != nil || info.Mode() != 0o600 {
		t.Errorf("the lock has mode %v, %v", info.Mode(), err)
	}
}

// TestSweep: what a killed run left half written goes, and nothing else.
func TestSweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if err := At(path).Sweep(); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := At(path).Record(nil, listener.PastAct{At: time.Now(), Group: "a"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acts.json.new", "rescue.json.new", "disarmed", "notes.new"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("[{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := At(path).Sweep(); err != nil {
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

// TestClockSetBack: an act of the future counts from now on, and no start counts it anew.
func TestClockSetBack(t *testing.T) {
	d := At(t.TempDir())
	if _, err := d.Record(nil, listener.PastAct{At: time.Now().Add(24 * time.Hour), Group: "a"}); err != nil {
		t.Fatal(err)
	}
	first, err := d.Acts()
	if err != nil || len(first) != 1 || first[0].At.After(time.Now()) {
		t.Fatalf("%v, %v", first, err)
	}
	if again, err := d.Acts(); err != nil || len(again) != 1 || !again[0].At.Equal(first[0].At) {
		t.Errorf("%v, %v; want %v", again, err, first)
	}
}

// TestNotOurs: a folder that another may write into is refused, for reading and writing.
func TestNotOurs(t *testing.T) {
	path := t.TempDir()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	d := At(path)
	if err := d.Check(); err == nil {
		t.Error("everybody's folder is taken")
	}
	if _, err := d.Record(nil, listener.PastAct{Group: "a"}); err == nil {
		t.Error("an act is kept in it")
	}
	if err := At("").Check(); err != nil {
		t.Errorf("no folder at all: %v", err)
	}
}

func TestNothingIsKept(t *testing.T) {
	t.Chdir(t.TempDir())
	d := At("")
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
	d := At(path)
	if d.Disarmed() {
		t.Error("disarmed without a file")
	}
	if err := os.WriteFile(filepath.Join(path, "disarmed"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !d.Disarmed() {
		t.Error("armed with the file")
	}
	if !At(filepath.Join(path, "disarmed")).Disarmed() {
		t.Error("armed, though the folder cannot be looked into")
	}
}

// FuzzActs: what is refused tells of no act, each act that is read counts from a time, and
// what is written of them is read again as it is.
func FuzzActs(f *testing.F) {
	for _, seed := range []string{
		`[{"at":"2026-03-01T12:00:00.5Z","group":"4026531840/inet/0.0.0.0:80","net_cookie":1,"of_user":true}]`,
		`[{"at":"2026-03-01T12:00:00+01:00","group":"1a2b","net_cookie":18446744073709551615},{"at":"2026-03-01T12:00:00Z"}]`,
		`[]`, `null`, `{}`, `[null]`, `[{"group":"a"}]`, `[{"at":`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		acts, err := parseActs(b)
		if err != nil && acts != nil {
			t.Errorf("%q is read as %v, and %v", b, acts, err)
		}
		for _, a := range acts {
			if a.At.IsZero() {
				t.Errorf("%q has an act of no time: %+v", b, a)
			}
		}
		if err != nil {
			return
		}
		written, err := json.Marshal(acts)
		if err != nil {
			t.Fatalf("%q is read as %v, which cannot be written: %v", b, acts, err)
		}
		if again, err := parseActs(written); err != nil || !cmp.Equal(again, acts) {
			t.Errorf("%q is read as %v, and again as %v, %v", b, acts, again, err)
		}
	})
}

// FuzzKept: the same of what an act has turned on.
func FuzzKept(f *testing.F) {
	for _, seed := range []string{`[{"netns":4026531840,"net_cookie":1,"value":"0"}]`, `[]`, `null`, `{}`, `[null]`, `[{"netns":-1}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept, err := parseKept(b)
		if err != nil {
			if kept != nil {
				t.Errorf("%q is read as %v, and %v", b, kept, err)
			}
			return
		}
		written, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseKept(written); err != nil || !cmp.Equal(again, kept) {
			t.Errorf("%q is read as %v, and again as %v, %v", b, kept, again, err)
		}
	})
}
