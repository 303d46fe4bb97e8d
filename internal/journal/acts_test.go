package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func TestActs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "reusewatch")
	d := NewDir(path)
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
	if acts, err = NewDir(path).Acts(); err != nil || !cmp.Equal(want, acts) {
		t.Errorf("the next start reads %v, %v", acts, err)
	}
	if acts, err = d.Withdraw(acts, second); err != nil || !cmp.Equal([]listener.PastAct{first}, acts) {
		t.Errorf("the second taken back: %v, %v", acts, err)
	}
	if acts, err = NewDir(path).Acts(); err != nil || !cmp.Equal([]listener.PastAct{first}, acts) {
		t.Errorf("the next start reads %v, %v", acts, err)
	}
	for _, torn := range []string{
		"{", "", "{}", `[{"at":`, `[{"group":"b"}]`, "[null]", "[" + strings.Repeat(" ", maxFile) + "]",
	} {
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
				if _, err := NewDir(path).Record(nil, act); err != nil {
					t.Error(err)
				}
				if n%2 == 0 {
					continue
				}
				if _, err := NewDir(path).Withdraw(nil, act); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	if acts, err := NewDir(path).Acts(); err != nil || len(acts) != each {
		t.Errorf("%d acts count, want %d: %v", len(acts), each, err)
	}
}

// TestClockSetBack: an act of the future counts from now on, and no start counts it anew.
func TestClockSetBack(t *testing.T) {
	d := NewDir(t.TempDir())
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
