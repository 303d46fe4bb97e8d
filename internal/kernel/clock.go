package kernel

import (
	"fmt"
	"math"
	"time"
)

// clock turns the kernel's times into ours.
type clock struct {
	hz float64 // jiffies a second
}

// instant is the kernel's two clocks read together.
type instant struct {
	ktime   time.Duration // since boot, without suspend
	jiffies uint64
}

// measureHZ finds CONFIG_HZ, which no file tells everywhere, from two readings
// at least 60 ms apart: rounded to the values that x86-64 and arm64 kernels
// can be built with.
func measureHZ(first instant, read func() (instant, error)) (float64, error) {
	for wait := 60 * time.Millisecond; wait < 2*time.Second; wait *= 2 {
		now, err := read()
		if err != nil {
			return 0, err
		}
		if rest := wait - (now.ktime - first.ktime); rest > 0 {
			time.Sleep(rest)
			if now, err = read(); err != nil {
				return 0, err
			}
		}
		measured := float64(now.jiffies-first.jiffies) / (now.ktime - first.ktime).Seconds()
		for _, hz := range []float64{100, 250, 300, 1000} {
			if math.Abs(measured-hz) < 0.08*hz {
				return hz, nil
			}
		}
	}
	return 0, fmt.Errorf("the kernel's jiffies keep no known rate")
}

func (c clock) duration(jiffies uint64) time.Duration {
	return time.Duration(float64(jiffies) / c.hz * float64(time.Second))
}
