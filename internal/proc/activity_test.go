package proc

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestActivityGolden(t *testing.T) {
	f := New("testdata/proc")
	for pid, want := range map[int]Activity{
		4711: {UserTicks: 1500, SystemTicks: 700, MajorFaults: 12, ReadBytes: 323934931, WrittenBytes: 323929600, ReadCalls: 632687, WriteCalls: 632675, IOKnown: true},
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
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/io": "rchar: 1\nwchar: 1\nsyscr: 1\nsyscw: 1\n"})
	deny(t, f.path("10/io"))
	want := Activity{UserTicks: 1500, SystemTicks: 700, MajorFaults: 12}
	unprivileged(t, func() {
		if a, err := f.Activity(10); err != nil || a != want {
			t.Errorf("Activity = %+v, %v; want %+v", a, err, want)
		}
	})
}

func TestParseIO(t *testing.T) {
	var a Activity
	err := a.parseIO([]byte("rchar: 7\nwchar: 18446744073709551615\nsyscr: 3\nsyscw: 4\nread_bytes: x\n"))
	if want := (Activity{ReadBytes: 7, WrittenBytes: 1<<64 - 1, ReadCalls: 3, WriteCalls: 4}); err != nil || a != want {
		t.Errorf("= %+v, %v; want %+v", a, err, want)
	}
	for in, want := range map[string]string{
		"":                               "want rchar",
		"rchar: 1\nsyscr: 1\nsyscw: 1\n": "want rchar",
		"rchar: x\nwchar: 1\nsyscr: 1\nsyscw: 1\n":  "rchar: ",
		"rchar: 1\nwchar:\nsyscr: 1\nsyscw: 1\n":    "wchar: ",
		"rchar: 1\nwchar: 1\nsyscr: -1\nsyscw: 1\n": "syscr: ",
	} {
		if err := a.parseIO([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseIO(%q) = %v; want an error with %q", in, err, want)
		}
	}
}

// Wake-ups by eventfd are eight bytes each: no I/O.
func TestMoved(t *testing.T) {
	base := Activity{ReadBytes: 1000, WrittenBytes: 1000, ReadCalls: 10, WriteCalls: 10, IOKnown: true}
	with := func(change func(*Activity)) Activity { a := base; change(&a); return a }
	for name, tc := range map[string]struct {
		now  Activity
		want uint64
	}{
		"nothing":        {base, 0},
		"a page read":    {with(func(a *Activity) { a.ReadBytes += 4096; a.ReadCalls++ }), 4096},
		"a line written": {with(func(a *Activity) { a.WrittenBytes += 9; a.WriteCalls++ }), 9},
		"both":           {with(func(a *Activity) { a.ReadBytes += 90; a.ReadCalls++; a.WrittenBytes += 9; a.WriteCalls++ }), 99},
		"eventfds":       {with(func(a *Activity) { a.ReadBytes += 80; a.ReadCalls += 10; a.WrittenBytes += 80; a.WriteCalls += 10 }), 0},
		"counters fell":  {Activity{IOKnown: true}, 0},
	} {
		if got := tc.now.Moved(base); got != tc.want {
			t.Errorf("%s: moved %d, want %d", name, got, tc.want)
		}
	}
}
