package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/regular"
)

func act(id string, pid int) *listener.Act {
	return &listener.Act{
		ID: id, Action: listener.Kill, By: listener.ByRun, Policy: "ab12", Listeners: []listener.Cookie{0x1a},
		Owner: listener.Owner{Holder: &listener.Holder{
			PID: pid, Start: 4711, Comm: "haproxy", Cmdline: []string{"haproxy", "-f", "x"}, UID: 99,
		}},
		Judgement: listener.Judgement{
			Listener: &listener.Listener{
				Sample: listener.Sample{Cookie: 0x1a, Netns: 4026531840, NetCookie: 1}, GroupName: "host/inet/0.0.0.0:80",
			},
			Verdict: listener.Stuck, Cause: listener.CauseNeverPolled, Decision: &listener.Decision{Act: listener.Kill},
		},
	}
}

// instant is when everything is kept.
func instant() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 25e6, time.UTC) }

func ended(a *listener.Act, r listener.Result) *listener.Act {
	a.Result = r
	return a
}

func mustOpen(t *testing.T, path string) *Log {
	t.Helper()
	l, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	l.now = instant
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

func appendTo(t *testing.T, path, s string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	must(t, err)
	_, err = f.WriteString(s)
	must(t, errors.Join(err, f.Close()))
}

// ids of unfinished acts, as "ID/PID".
func ids(t *testing.T, l *Log) []string {
	t.Helper()
	entries, err := l.begun()
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%s/%d", e.ActID, e.PID))
	}
	return out
}

func leaveAlone(*listener.Act) listener.Result { return "" }

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := mustOpen(t, path)
	a := act("a", 7)
	a.Owner.Comm, a.Evidence = "hé\x7f\U0001f600", "/e/x.json"
	must(t, l.Intent(a))
	a.Result, a.Method, a.Failure = listener.Failed, "SIGTERM", "no"
	a.Rescued, a.Took = listener.Known(0), 1500*time.Millisecond
	a.Owner.Cmdline, a.Judgement.GroupName, a.Judgement.Cause, a.Policy, a.Evidence = nil, "", "", "", ""
	must(t, l.Outcome(a))
	common := `"act_id":"a","action":"kill","pid":7,"start":4711,"comm":"h\u00e9\u007f\ud83d\ude00",`
	want := `{"schema":"reusewatch/v1","time":"2026-03-01T12:00:00.025Z","kind":"intent",` + common +
		`"cmdline":["haproxy","-f","x"],"uid":99,"listeners":["1a"],"netns":4026531840,"net_cookie":1,` +
		`"group":"host/inet/0.0.0.0:80","cause":"never-polled","reasons":[],"policy":"ab12","by":"run",` +
		`"evidence":"/e/x.json","clipped":false,"result":null,"method":null,` +
		`"rescued":null,"stale":null,"took_ms":null,"error":null}` + "\n" +
		`{"schema":"reusewatch/v1","time":"2026-03-01T12:00:00.025Z","kind":"outcome",` + common +
		`"cmdline":[],"uid":99,"listeners":["1a"],"netns":4026531840,"net_cookie":1,` +
		`"group":null,"cause":null,"reasons":[],"policy":null,"by":"run",` +
		`"evidence":null,"clipped":false,"result":"failed","method":"SIGTERM",` +
		`"rescued":0,"stale":null,"took_ms":1500,"error":"no"}` + "\n"
	if diff := cmp.Diff(want, read(t, path)); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestClip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := mustOpen(t, path)
	a := act("long", 7)
	a.Owner.Cmdline = []string{strings.Repeat("x", maxLine)}
	must(t, l.Intent(a))
	a.ID = "many"
	for range 100_000 {
		a.Listeners = append(a.Listeners, 0x123456789abcdef0)
	}
	must(t, l.Intent(a))
	got, err := l.begun()
	must(t, err)
	if len(got) != 2 || !got[0].Clipped || len(got[0].Listeners) != 1 ||
		!got[1].Clipped || len(got[1].Listeners) != keepListeners {
		t.Errorf("%d unfinished acts", len(got))
	}
	before := read(t, path)
	a = act("longest", 7)
	a.Owner.Comm = strings.Repeat("x", maxLine)
	if err := l.Intent(a); err == nil || read(t, path) != before {
		t.Errorf("%v of a line that cannot be read again", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a symlink": func(path string) error {
			return errors.Join(os.WriteFile(path+".target", nil, 0o600), os.Symlink(path+".target", path))
		},
		"a symlink to nothing": func(path string) error { return os.Symlink(path+".target", path) },
		"a folder":             func(path string) error { return os.Mkdir(path, 0o700) },
		"a fifo":               func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a missing folder":     func(path string) error { return os.Remove(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "d", "audit.log")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			must(t, make(path))
			if l, err := OpenLog(path); err == nil || l != nil {
				t.Errorf("%v, %v", l, err)
			}
			if name == "a symlink to nothing" {
				if _, err := os.Lstat(path + ".target"); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the target was made: %v", err)
				}
			}
		})
	}
}

// TestErrors breaks an open log: an act that was not kept must be known so.
func TestErrors(t *testing.T) {
	for name, breakIt := range map[string]func(t *testing.T, l *Log){
		"no folder any more": func(t *testing.T, l *Log) { must(t, os.RemoveAll(filepath.Dir(l.path))) },
		"a symlink in its place": func(t *testing.T, l *Log) {
			must(t, errors.Join(os.Rename(l.path, l.path+".x"), os.Symlink(l.path+".x", l.path)))
		},
		"nothing can be written": func(t *testing.T, l *Log) {
			f, err := os.Open(l.path)
			must(t, err)
			must(t, l.file.Close())
			l.file = f
		},
		"locked": func(t *testing.T, l *Log) {
			other := mustOpen(t, l.path)
			must(t, other.lock(false))
			l.wait = 10 * time.Millisecond
		},
		"it does not reach the disk": func(t *testing.T, l *Log) {
			l.sync = func(f *os.File) error {
				if !strings.HasSuffix(read(t, f.Name()), "}\n") {
					t.Error("synced before it was written")
				}
				return unix.EIO
			}
		},
		"closed": func(t *testing.T, l *Log) { must(t, l.Close()) },
		"no room to rotate": func(t *testing.T, l *Log) {
			must(t, l.Outcome(act("old", 1)))
			l.limit, l.full = 1, 1
			must(t, os.Mkdir(l.path+".1", 0o700))
			must(t, os.WriteFile(l.path+".2", nil, 0o600))
			must(t, os.MkdirAll(l.path+".3/x", 0o700))
			must(t, os.MkdirAll(l.path+".4/x", 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "d", "audit.log")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			l := mustOpen(t, path)
			breakIt(t, l)
			if err := l.Intent(act("a", 7)); err == nil || !strings.Contains(err.Error(), "act a on pid 7") {
				t.Errorf("intent: %v", err)
			}
			if name == "no room to rotate" {
				return // it takes an outcome, and can be read
			}
			if err := l.Outcome(act("a", 7)); err == nil {
				t.Error("outcome: no error")
			}
			if name == "nothing can be written" || name == "it does not reach the disk" {
				return // it can be read
			}
			if err := l.Settle(leaveAlone); err == nil {
				t.Error("unfinished: no error")
			}
		})
	}
	if err := regular.SyncDir(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing folder was synced")
	}
}

// TestLocksAreGivenBack: another agent goes on after one whose write failed.
func TestLocksAreGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, other := mustOpen(t, path), mustOpen(t, path)
	other.wait = 0
	must(t, l.Intent(act("a", 7)))
	l.limit, l.full = 1, 1
	must(t, l.Intent(act("b", 7))) // cannot rotate
	must(t, os.Mkdir(path+".1", 0o700))
	if err := l.Settle(leaveAlone); err == nil {
		t.Error("a folder was read")
	}
	must(t, other.Intent(act("c", 7)))
	must(t, os.Rename(path, path+".x"))
	must(t, os.Mkdir(path, 0o700))
	if err := l.Intent(act("d", 7)); err == nil {
		t.Error("a folder was taken as the log")
	}
	must(t, os.Remove(path))
	must(t, os.Rename(path+".x", path))
	must(t, other.Intent(act("e", 7)))
}

func TestNil(t *testing.T) {
	var l *Log
	must(t, l.Intent(act("a", 7)))
	must(t, l.Outcome(act("a", 7)))
	must(t, l.Settle(func(*listener.Act) listener.Result { t.Error("an act of nobody"); return "" }))
	must(t, l.Close())
}
