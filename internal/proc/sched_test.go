package proc

import (
	"errors"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"
)

func TestSchedGolden(t *testing.T) {
	got, err := New("testdata/proc").Sched(4711)
	if err != nil || !got.Known || got.Run != 33000000001 || got.Wait != 200000002 {
		t.Errorf("= %+v, %v", got, err)
	}
}

func TestSchedUnknown(t *testing.T) {
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, "10/task/10/comm": "x", // CONFIG_SCHED_INFO is off
		"11/stat": statLine, "11/task/11/schedstat": "0 0 0\n", // not counted
		"12/stat": statLine, "12/task/12/schedstat": "5 6 7\n",
	})
	deny(t, f.path("12/task/12/schedstat"))
	unprivileged(t, func() {
		for _, pid := range []int{10, 11, 12} {
			if got, err := f.Sched(pid); err != nil || got.Known || got.Run != 0 || got.Wait != 0 {
				t.Errorf("Sched(%d) = %+v, %v; want nothing known", pid, got, err)
			}
		}
	})
}

func TestSchedErrors(t *testing.T) {
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, "10/task/10/schedstat": "1\n",
		"11/task/11/comm": "", // went while it was read
	})
	if got, err := f.Sched(10); err == nil || !strings.HasPrefix(err.Error(), "parse "+f.path("10/task/10/schedstat")) {
		t.Errorf("= %+v, %v; want a parse error", got, err)
	}
	for _, pid := range []int{11, 12} {
		if got, err := f.Sched(pid); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Sched(%d) = %+v, %v; want fs.ErrNotExist", pid, got, err)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	if got, err := parseSchedstat([]byte("7 8 x\n")); err != nil || got != (schedstat{7, 8}) {
		t.Errorf("= %+v, %v", got, err)
	}
	for in, want := range map[string]string{"": "0 fields", "1": "1 fields", "x 1 1": "field 1", "1 -x 1": "field 2"} {
		if got, err := parseSchedstat([]byte(in)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("parseSchedstat(%q) = %+v, %v; want %s…", in, got, err, want)
		}
	}
}

func TestWaitShare(t *testing.T) {
	sched := func(threads map[int]schedstat) Sched {
		s := Sched{Known: true, threads: threads}
		for _, one := range threads {
			s.Run += one.run
			s.Wait += one.wait
		}
		return s
	}
	const s = time.Second
	base := sched(map[int]schedstat{1: {10 * s, 10 * s}, 2: {5 * s, 5 * s}})
	for _, tc := range []struct {
		name     string
		now, was Sched
		elapsed  time.Duration
		want     float64
	}{
		{"nothing", base, base, 10 * s, 0},
		{"one waited", sched(map[int]schedstat{1: {10 * s, 12 * s}, 2: {5 * s, 5 * s}}), base, 10 * s, 0.2},
		{"both waited", sched(map[int]schedstat{1: {10 * s, 20 * s}, 2: {5 * s, 10 * s}}), base, 10 * s, 1.5},
		{"one ended, the other waited", sched(map[int]schedstat{2: {5 * s, 6 * s}}), base, 10 * s, 0.1},
		{"one began", sched(map[int]schedstat{1: {10 * s, 10 * s}, 2: {5 * s, 5 * s}, 3: {s, 2 * s}}), base, 10 * s, 0.2},
		{"one ended, its TID used again", sched(map[int]schedstat{1: {s, 11 * s}, 2: {5 * s, 5 * s}}), base, 10 * s, 1.1},
		{"sums only", Sched{Wait: 3 * s, Known: true}, Sched{Wait: 2 * s, Known: true}, 10 * s, 0.1},
		{"sums fell", Sched{Wait: 2 * s, Known: true}, Sched{Wait: 3 * s, Known: true}, 10 * s, 0},
		{"unknown now", Sched{Wait: 3 * s}, Sched{Wait: 2 * s, Known: true}, 10 * s, 0},
		{"unknown before", Sched{Wait: 3 * s, Known: true}, Sched{Wait: 2 * s}, 10 * s, 0},
		{"no time", Sched{Wait: 3 * s, Known: true}, Sched{Wait: 2 * s, Known: true}, 0, 0},
		{"time back", Sched{Wait: 3 * s, Known: true}, Sched{Wait: 2 * s, Known: true}, -s, 0},
	} {
		if got := tc.now.WaitShare(tc.was, tc.elapsed); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
