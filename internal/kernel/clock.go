package kernel

import (
	"errors"
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

// measureHZ finds CONFIG_HZ, which no file tells everywhere: two spans of 60 ms
// and more must agree on one of the values that x86-64 and arm64 kernels can be
// built with. In a virtual machine jiffies stand still now and then, and catch
// up; after a second without agreement it begins anew.
func measureHZ(first instant, read func() (instant, error)) (float64, error) {
	const shortest, longest, patience = 60 * time.Millisecond, time.Second, 8 * time.Second
	agreed := 0.0
	for began, wait := first.ktime, shortest; ; {
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
		span := now.ktime - first.ktime
		hz := nearestHZ(float64(now.jiffies-first.jiffies) / span.Seconds())
		switch {
		case hz != 0 && hz == agreed:
			return hz, nil
		case span >= longest && now.ktime-began >= patience+longest:
			return 0, errors.New("the kernel's jiffies keep no known rate")
		case span >= longest:
			first, wait, hz = now, shortest, 0
		default:
			wait = span + shortest
		}
		agreed = hz
	}
}

// nearestHZ is 0 for a rate that is near none a kernel has. Jiffies that lag
// behind for a moment make every rate look lower.
func nearestHZ(measured float64) float64 {
	for _, r := range []struct{ hz, from, to float64 }{{100, 70, 140}, {250, 200, 272}, {300, 278, 350}, {1000, 700, 1200}} {
		if measured >= r.from && measured <= r.to {
			return r.hz
		}
	}
	return 0
}

func (c clock) duration(jiffies uint64) time.Duration {
	return time.Duration(float64(jiffies) / c.hz * float64(time.Second))
}
