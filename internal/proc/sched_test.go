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
	if got, err := parseSchedstat([]byte("7 8 x\n")); err != nil || got != (schedstat{run: 7, wait: 8}) {
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
	base := sched(map[int]schedstat{1: {run: 10 * s, wait: 10 * s}, 2: {run: 5 * s, wait: 5 * s}})
	for _, tc := range []struct {
		name     string
		now, was Sched
		elapsed  time.Duration
		want     float64
	}{
		{"nothing", base, base, 10 * s, 0},
		{"one waited", sched(map[int]schedstat{1: {run: 10 * s, wait: 12 * s}, 2: {run: 5 * s, wait: 5 * s}}), base, 10 * s, 0.2},
		{"both waited", sched(map[int]schedstat{1: {run: 10 * s, wait: 20 * s}, 2: {run: 5 * s, wait: 10 * s}}), base, 10 * s, 1.5},
		{"one ended, the other waited", sched(map[int]schedstat{2: {run: 5 * s, wait: 6 * s}}), base, 10 * s, 0.1},
		{"one began", sched(map[int]schedstat{1: {run: 10 * s, wait: 10 * s}, 2: {run: 5 * s, wait: 5 * s}, 3: {run: s, wait: 2 * s}}), base, 10 * s, 0.2},
		{"one ended, its TID used again", sched(map[int]schedstat{1: {run: s, wait: 11 * s}, 2: {run: 5 * s, wait: 5 * s}}), base, 10 * s, 1.1},
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

func TestFollow(t *testing.T) {
	const ran, waited = 10 * time.Second, 5 * time.Second
	start := time.Unix(0, 0)
	asleep, ready := schedstat{run: ran, wait: waited}, schedstat{run: ran, wait: waited, runnable: true}
	runs := schedstat{run: ran + time.Millisecond, wait: waited, runnable: true}
	paid := schedstat{run: ran + time.Millisecond, wait: waited + 2*time.Second, runnable: true}
	for _, tc := range []struct {
		name  string
		looks []schedstat // one a second; the first is the one to compare with
		want  time.Duration
	}{
		{"asleep", []schedstat{asleep, asleep, asleep}, 0},
		{"waits from the first look on", []schedstat{ready, ready, ready}, 2 * time.Second},
		{"woke since the last look, and has not run", []schedstat{asleep, asleep, ready}, time.Second},
		{"waits since then", []schedstat{asleep, ready, ready, ready}, 3 * time.Second},
		{"ran, and waits again", []schedstat{ready, runs, runs, runs}, 2 * time.Second},
		{"its wait is booked", []schedstat{ready, ready, paid}, 2 * time.Second},
		{"booked, and waits again", []schedstat{ready, ready, paid, paid}, 3 * time.Second},
		{"runs whenever one looks", []schedstat{ready, runs, {run: ran + time.Second, wait: waited, runnable: true}}, 0},
	} {
		var first, last Sched
		for i, one := range tc.looks {
			s := Sched{Known: true, threads: map[int]schedstat{1: one, 2: {run: 1}}}
			s.Follow(last, start.Add(time.Duration(i)*time.Second))
			if last = s; i == 0 {
				first = s
			}
		}
		if got := last.waited(first); got != tc.want {
			t.Errorf("%s: waited %v, want %v", tc.name, got, tc.want)
		}
	}
	var begun Sched
	begun.Follow(Sched{}, start)
	later := Sched{Known: true, threads: map[int]schedstat{3: ready}}
	later.Follow(begun, start.Add(time.Second))
	if got := later.threads[3].queued; !got.Equal(start.Add(time.Second)) {
		t.Errorf("a thread that began is queued since %v", got)
	}
}
