package proc

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"
)

func TestThrottled(t *testing.T) {
	const dirs = "@/cpu/a/b/ @/cpu/a/ @/cpu/ @/v2/a/b/ @/v2/a/ @/v2/"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  Throttle
		err   string
	}{
		{"v1, own and parent's", map[string]string{
			"10/cgroup":          "3:cpuacct,cpu:/a/b\n0::/a\n",
			"@/cpu/a/b/cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 5000\n",
			"@/cpu/a/cpu.stat":   "nr_periods 9\nnr_throttled 1\nthrottled_time 700\n",
			"@/cpu/cpu.stat":     "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
			"@/v2/a/cpu.stat":    "nr_throttled 100\nthrottled_usec 1000\n", // the controller is v1's
		}, Throttle{5700, 3, true}, ""},
		{"v2, own and parent's", map[string]string{
			"10/cgroup":         "3:freezer:/\n0::/a/b\n",
			"@/v2/a/b/cpu.stat": "usage_usec 9\nnr_throttled 2\nthrottled_usec 5\n",
			"@/v2/a/cpu.stat":   "usage_usec 9\nnr_throttled 1\nthrottled_usec 7\n",
			"@/v2/cpu.stat":     "usage_usec 9\n",
		}, Throttle{12 * time.Microsecond, 3, true}, ""},
		{"v2, the controller not enabled", map[string]string{"10/cgroup": "0::/a/b\n", "@/v2/a/b/cpu.stat": "usage_usec 9\n"}, Throttle{Known: true}, ""},
		{"no file", map[string]string{"10/cgroup": "0::/a/b\n"}, Throttle{Known: true}, ""},
		{"unreachable", map[string]string{"10/cgroup": "0::/gone\n"}, Throttle{}, ""},
		{"unreadable", map[string]string{"10/cgroup": "0::/a/b\n", "@/v2/a/b/cpu.stat": "nr_throttled 2\n", "@/v2/a/cpu.stat/dir": ""}, Throttle{}, ""},
		{"v1 without cpu, no v2", map[string]string{"10/cgroup": "3:pids:/a\n"}, Throttle{}, ""},
		{"nonsense", map[string]string{"10/cgroup": "0::/a/b\n", "@/v2/a/b/cpu.stat": "throttled_usec x\n"}, Throttle{}, "parse "},
		{"bad cgroup", map[string]string{"10/cgroup": "x\n"}, Throttle{}, "parse "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"10/stat": statLine}
			for _, dir := range strings.Fields(dirs) {
				files[dir+"cgroup.procs"] = ""
			}
			for name, contents := range tc.files {
				files[name] = contents
			}
			got, err := fakeCgroups(t, files).Throttled(10)
			if tc.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
					t.Errorf("= %+v, %v; want %s…", got, err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("= %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
	if got, err := fakeCgroups(t, nil).Throttled(10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", got, err)
	}
}

func TestThrottleSince(t *testing.T) {
	for _, tc := range []struct {
		now, was Throttle
		want     time.Duration
	}{
		{Throttle{5, 1, true}, Throttle{3, 1, true}, 2},
		{Throttle{3, 1, true}, Throttle{5, 1, true}, 0},
		{Throttle{5, 1, true}, Throttle{}, 0},
		{Throttle{5, 1, false}, Throttle{3, 1, true}, 0},
	} {
		if got := tc.now.Since(tc.was); got != tc.want {
			t.Errorf("%+v.Since(%+v) = %v, want %v", tc.now, tc.was, got, tc.want)
		}
	}
}

func TestParseCPUStat(t *testing.T) {
	for in, want := range map[string]string{
		"throttled_time -x\n": "throttled_time: ", "throttled_usec \n": "throttled_usec: ", "nr_throttled -1\n": "nr_throttled: ",
	} {
		if _, _, err := parseCPUStat([]byte(in)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("parseCPUStat(%q): %v, want %s…", in, err, want)
		}
	}
}
