package kernel

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// clock turns the kernel's times into ours.
type clock struct {
	jiffy time.Duration
}

// newClock finds out how long a jiffy is. Not every host has a file with CONFIG_HZ, but
// the coarse clocks move once a jiffy, which is their resolution.
func newClock() (clock, error) {
	var res unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &res); err != nil {
		return clock{}, fmt.Errorf("ask how long a jiffy is: %w", err)
	}
	return clock{time.Duration(res.Nano())}, nil
}

func (c clock) duration(jiffies uint64) time.Duration { return time.Duration(jiffies) * c.jiffy }
