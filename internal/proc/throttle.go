package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"
)

// Throttle says how far a CPU quota held a process back, ever.
type Throttle struct {
	// Throttled is summed over the CPUs that were denied, and over the cgroup of
	// the process and all its parents, of which each may have a quota. So it
	// can grow faster than time passes: that it grows is what it tells.
	Throttled time.Duration
	Periods   uint64 // periods in which a quota was used up, summed likewise
	// Known is false where the cpu controller's cgroup cannot be read; all else
	// is 0 then. From within a cgroup namespace of our own the quotas of some
	// parents may not be visible, and are missing from the sums.
	Known bool
}

// Throttled reads what the quotas on the cgroup of a process did to it. The
// error is [fs.ErrNotExist] when the process has gone; a cgroup that cannot be
// reached is no error. A cgroup in which the cpu controller is not enabled
// throttles nobody.
//
// The kernel adds a spell of throttling when it ends, once a period (0.1 s by
// default, 1 s at most).
func (f FS) Throttled(pid int) (Throttle, error) {
	proc, err := f.livingPath(pid)
	if err != nil {
		return Throttle{}, err
	}
	c, err := readCgroups(filepath.Join(proc, "cgroup"))
	if err != nil {
		return Throttle{}, err
	}
	controller, path := "cpu", c.V1["cpu"]
	if path == "" {
		controller, path = "", c.V2
	}
	if path == "" {
		return Throttle{}, nil
	}
	var t Throttle
	for _, dir := range f.cgroupDirs(proc, controller, path) {
		b, err := readCgroupFile(dir, "cpu.stat")
		if errors.Is(err, fs.ErrNotExist) { // the controller is not enabled so far down
			t.Known = true
			continue
		}
		if err != nil {
			return Throttle{}, nil //nolint:nilerr // not known, as documented
		}
		throttled, periods, err := parseCPUStat(b)
		if err != nil {
			return Throttle{}, fmt.Errorf("parse %s: %w", filepath.Join(dir, "cpu.stat"), err)
		}
		t.Known = true
		t.Throttled += throttled
		t.Periods += periods
	}
	return t, nil
}

// Since is by how much Throttled grew: 0 when it fell, which it does when the
// process is moved to another cgroup, and when either side is not Known.
func (t Throttle) Since(earlier Throttle) time.Duration {
	if !t.Known || !earlier.Known {
		return 0
	}
	return max(0, t.Throttled-earlier.Throttled)
}

// parseCPUStat finds the throttled time and periods, which are not there
// without the cpu controller. cgroup v1 says throttled_time, in ns, v2
// throttled_usec.
func parseCPUStat(b []byte) (throttled time.Duration, periods uint64, err error) {
	for key, unit := range map[string]time.Duration{"throttled_time": time.Nanosecond, "throttled_usec": time.Microsecond} {
		value, ok := keyedValue(b, key)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", key, err)
		}
		throttled = time.Duration(n) * unit
	}
	if value, ok := keyedValue(b, "nr_throttled"); ok {
		if periods, err = strconv.ParseUint(value, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("nr_throttled: %w", err)
		}
	}
	return throttled, periods, nil
}
