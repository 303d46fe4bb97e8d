package proc

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"
)

func TestActivityGolden(t *testing.T) {
	f := New("testdata/proc")
	for pid, want := range map[int]Activity{
		4711: {UserTicks: 1500, SystemTicks: 700, MajorFaults: 12, ReadBytes: 323934931, WrittenBytes: 323929600, IOKnown: true},
		400:  {UserTicks: 5, SystemTicks: 6}, // no io file
	} {
		if got, err := f.Activity(pid); err != nil || got != want {
			t.Errorf("Activity(%d) = %+v, %v\nwant %+v", pid, got, err, want)
		}
	}
}

func TestActivityErrors(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/io": "rchar: 1\n", "11/stat": statLine, "11/io/dir": ""})
	if a, err := f.Activity(10); err == nil || !strings.HasPrefix(err.Error(), "parse "+f.path("10/io")) {
		t.Errorf("= %+v, %v; want a parse error", a, err)
	}
	if a, err := f.Activity(11); err == nil || !strings.HasPrefix(err.Error(), "read "+f.path("11/io")) {
		t.Errorf("= %+v, %v; want a read error", a, err)
	}
	if a, err := f.Activity(12); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", a, err)
	}
}

func TestActivityEndsWhileRead(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine})
	duringRead(t, f.path("10/stat"), statLine, func() {
		if err := os.Remove(f.path("10/stat")); err != nil {
			t.Error(err)
		}
	})
	if a, err := f.Activity(10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", a, err)
	}
}

// Another user's io is closed to all but the privileged.
func TestActivityDenied(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/io": "rchar: 1\nwchar: 1\n"})
	deny(t, f.path("10/io"))
	want := Activity{UserTicks: 1500, SystemTicks: 700, MajorFaults: 12}
	unprivileged(t, func() {
		if a, err := f.Activity(10); err != nil || a != want {
			t.Errorf("Activity = %+v, %v; want %+v", a, err, want)
		}
	})
}

func TestParseIO(t *testing.T) {
	r, w, err := parseIO([]byte("rchar: 7\nwchar: 18446744073709551615\nsyscr: x\n"))
	if err != nil || r != 7 || w != 1<<64-1 {
		t.Errorf("= %d, %d, %v", r, w, err)
	}
	for in, want := range map[string]string{
		"":                      "want one rchar",
		"rchar: 1\n":            "want one rchar",
		"rchar: x\nwchar: 1\n":  "rchar: ",
		"rchar: 1\nwchar:\n":    "wchar: ",
		"rchar: 1\nwchar: -1\n": "wchar: ",
	} {
		if r, w, err := parseIO([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseIO(%q) = %d, %d, %v; want an error with %q", in, r, w, err, want)
		}
	}
}

func TestProgress(t *testing.T) {
	base := Activity{UserTicks: 100, SystemTicks: 100, MajorFaults: 10, ReadBytes: 1000, WrittenBytes: 1000, IOKnown: true}
	with := func(change func(*Activity)) Activity { a := base; change(&a); return a }
	for _, tc := range []struct {
		name    string
		now     Activity
		elapsed time.Duration
		want    bool
	}{
		{"nothing", base, time.Second, false},
		{"read", with(func(a *Activity) { a.ReadBytes++ }), time.Second, true},
		{"wrote", with(func(a *Activity) { a.WrittenBytes++ }), time.Second, true},
		{"I/O no longer known", with(func(a *Activity) { a.ReadBytes++; a.IOKnown = false }), time.Second, false},
		{"major fault", with(func(a *Activity) { a.MajorFaults++ }), time.Second, true},
		{"user time alone", with(func(a *Activity) { a.UserTicks += 100 }), time.Second, false},
		{"1 %, all system", with(func(a *Activity) { a.SystemTicks += 10 }), 10 * time.Second, true},
		{"1 %, some system", with(func(a *Activity) { a.UserTicks += 9; a.SystemTicks++ }), 10 * time.Second, true},
		{"under 1 %", with(func(a *Activity) { a.UserTicks += 8; a.SystemTicks++ }), 10 * time.Second, false},
		{"just under 1 %", with(func(a *Activity) { a.SystemTicks += 10 }), 10*time.Second + time.Millisecond, false},
		{"no time", with(func(a *Activity) { a.SystemTicks += 10 }), 0, false},
		{"time back", with(func(a *Activity) { a.SystemTicks += 10 }), -time.Second, false},
		{"counters fell", Activity{IOKnown: true}, time.Second, false},
		{"I/O without time", with(func(a *Activity) { a.ReadBytes++ }), 0, true},
	} {
		if got := tc.now.Progress(base, tc.elapsed); got != tc.want {
			t.Errorf("%s: Progress = %v", tc.name, got)
		}
	}
	unknown := with(func(a *Activity) { a.IOKnown, a.ReadBytes, a.WrittenBytes = false, 0, 0 })
	if base.Progress(unknown, time.Second) {
		t.Error("progress from I/O that was not known earlier")
	}
}
