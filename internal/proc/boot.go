package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// userHZ is the unit of the times in /proc/PID/stat, in ticks a second:
// USER_HZ, 100 in the ABI of every architecture that Go has a Linux port for,
// whatever the kernel's own HZ.
const userHZ = 100

// bootKept is how long a boot time is believed. Only a step of the wall clock
// changes it.
const bootKept = 10 * time.Second

// bootClock keeps the boot time for a while: the kernel sums every interrupt of
// every CPU to write /proc/stat, which takes milliseconds on a large host, too
// long to be spent on each of a thousand processes.
type bootClock struct {
	mu   sync.Mutex
	read time.Time
	sec  int64
}

// bootTime is the wall clock at boot in seconds since the epoch, cut to whole
// seconds by the kernel.
func (f FS) bootTime() (int64, error) {
	if f.boot == nil {
		return f.readBootTime()
	}
	f.boot.mu.Lock()
	defer f.boot.mu.Unlock()
	if !f.boot.read.IsZero() && time.Since(f.boot.read) < bootKept {
		return f.boot.sec, nil
	}
	sec, err := f.readBootTime()
	if err != nil {
		return 0, err
	}
	f.boot.sec, f.boot.read = sec, time.Now()
	return sec, nil
}

func (f FS) readBootTime() (int64, error) {
	path := f.path("stat")
	b, err := readFile(path)
	if err != nil {
		return 0, err
	}
	sec, err := parseBootTime(b)
	if err != nil {
		return 0, fmt.Errorf("parse %s: %w", path, err)
	}
	return sec, nil
}

// parseBootTime finds "btime SECONDS" in /proc/stat, see proc_stat(5).
func parseBootTime(b []byte) (int64, error) {
	for line := range bytes.Lines(b) {
		if value, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			sec, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("btime: %w", err)
			}
			return sec, nil
		}
	}
	return 0, errors.New("no btime line")
}

// StartedAt turns ticks since boot into wall clock: up to one second early (the kernel
// cuts the boot time to seconds), and wrong by later steps of the clock for up to 10 s.
// It is zero where /proc/stat is hidden (systemd's ProcSubset=pid).
func (f FS) StartedAt(ticks uint64) time.Time {
	boot, err := f.bootTime()
	if err != nil {
		return time.Time{}
	}
	return startedAt(boot, ticks)
}

// startedAt turns ticks since boot into wall clock.
func startedAt(boot int64, ticks uint64) time.Time {
	return time.Unix(boot+int64(ticks/userHZ), int64(ticks%userHZ)*int64(time.Second/userHZ)).UTC()
}
