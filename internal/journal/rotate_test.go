package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// small makes a log rotate early.
func small(l *Log, limit int64) *Log {
	l.limit, l.full = limit, limit
	return l
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := small(mustOpen(t, path), 1)
	for i := range keepOlder + 3 {
		must(t, l.Intent(act(fmt.Sprint(i), 1)))
		must(t, l.Outcome(ended(act(fmt.Sprint(i), 1), listener.Acted)))
	}
	for n := range keepOlder + 2 {
		name := l.older(n)
		if exists(t, name) != (n <= keepOlder) {
			t.Errorf("%s: exists %v", name, n > keepOlder)
			continue
		}
		if n > keepOlder {
			continue
		}
		text := read(t, name)
		want := fmt.Sprintf(`"act_id":"%d"`, keepOlder+2-n)
		if strings.Count(text, "\n") != 2 || strings.Count(text, want) != 2 {
			t.Errorf("%s is not of act %d:\n%s", name, keepOlder+2-n, text)
		}
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestSizeToRotateAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := mustOpen(t, path)
	must(t, os.Truncate(path, 16<<20-1))
	appendTo(t, path, "\n")
	must(t, l.Intent(act("a", 1)))
	must(t, l.Outcome(act("a", 1)))
	if exists(t, path+".1") {
		t.Fatal("rotated before 16 MiB were passed")
	}
	must(t, l.Intent(act("b", 1)))
	if !exists(t, path+".1") || strings.Count(read(t, path), "\n") != 1 {
		t.Error("not rotated")
	}
}

// TestOpenIntentHoldsRotation, whoever it is of; a small log that has one is not
// read through at each act.
func TestOpenIntentHoldsRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, other := small(mustOpen(t, path), 64<<10), mustOpen(t, path)
	must(t, other.Intent(act("open", 2)))
	appendTo(t, path, strings.Repeat("x", 64<<10)+"\n")
	must(t, l.Intent(act("a", 1)))
	must(t, l.Outcome(act("a", 1)))
	if exists(t, path+".1") || l.full <= 64<<10 {
		t.Fatalf("rotated beside an open intent, or full at %d", l.full)
	}
	if got := ids(t, l); !cmp.Equal(got, []string{"open/2"}) {
		t.Errorf("unfinished: %v", got)
	}
	must(t, other.Outcome(act("open", 2)))
	must(t, l.Intent(act("b", 1)))
	if exists(t, path+".1") {
		t.Error("asked again at once")
	}
	must(t, l.Outcome(act("b", 1)))
	appendTo(t, path, strings.Repeat("x", 4<<10)+"\n")
	must(t, l.Intent(act("c", 1)))
	if !exists(t, path+".1") || l.full != 64<<10 {
		t.Errorf("not rotated once nothing was open any more, full at %d", l.full)
	}
	// The other agent follows.
	must(t, other.Outcome(act("c", 1)))
	if got := ids(t, l); got != nil {
		t.Errorf("unfinished: %v", got)
	}
}

// TestRotatedByAnother tool, which knows of no intents.
func TestRotatedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := mustOpen(t, path)
	must(t, l.Intent(act("a", 1)))
	must(t, l.Intent(act("b", 1)))
	must(t, os.Rename(path, path+".1"))
	must(t, l.Intent(act("c", 1)))
	must(t, l.Outcome(act("a", 1)))
	if got := ids(t, l); !cmp.Equal(got, []string{"b/1", "c/1"}) {
		t.Errorf("unfinished: %v", got)
	}
	must(t, os.Remove(path+".1"))
	must(t, os.Symlink(path, path+".1"))
	if err := l.Settle(leaveAlone); err == nil {
		t.Error("a symlink was read")
	}
	must(t, os.Remove(path+".1"))
	must(t, unix.Mkfifo(path+".1", 0o600)) // that nobody writes to
	if err := l.Settle(leaveAlone); err == nil {
		t.Error("a fifo was read")
	}
}

// TestTwoAgents append at the same time, and rotate under each other: between two
// rounds nothing is open, so that the first intent of a round may rotate.
func TestTwoAgents(t *testing.T) {
	const workers, rounds = 16, 25
	for name, limit := range map[string]int64{"one file": 16 << 20, "rotating": 160 << 10} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			logs := []*Log{small(mustOpen(t, path), limit), small(mustOpen(t, path), limit)}
			for round := range rounds {
				var group sync.WaitGroup
				for w := range workers {
					group.Go(func() {
						l, e := logs[w%2], act(fmt.Sprint(round), w)
						e.Judgement.Cause = listener.Cause(strings.Repeat("c", 10*w))
						if err := l.Intent(e); err != nil {
							t.Error(err)
						}
						if round == rounds-1 {
							return // all die in their last act
						}
						if err := l.Outcome(ended(e, listener.Acted)); err != nil {
							t.Error(err)
						}
					})
				}
				group.Wait()
			}
			files, lines := 0, make(map[string]int)
			for n := range keepOlder + 1 {
				if !exists(t, logs[0].older(n)) {
					continue
				}
				files++
				for line := range strings.Lines(read(t, logs[0].older(n))) {
					var e entry
					if err := json.Unmarshal([]byte(line), &e); err != nil {
						t.Fatalf("%v: %q", err, line)
					}
					lines[fmt.Sprint(e.Kind, " ", e.ActID, " ", e.PID)]++
				}
			}
			if rotated := files > 1; rotated != (limit < 16<<20) {
				t.Errorf("%d files", files)
			}
			if want := workers * (2*rounds - 1); len(lines) != want {
				t.Errorf("%d different lines, not %d", len(lines), want)
			}
			for line, n := range lines {
				if n != 1 {
					t.Errorf("%s is there %d times", line, n)
				}
			}
			if got := ids(t, logs[1]); len(got) != workers {
				t.Errorf("unfinished: %v", got)
			}
		})
	}
}
