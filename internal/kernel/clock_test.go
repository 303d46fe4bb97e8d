package kernel

import (
	"testing"
	"testing/synctest"
	"time"
)

// ticking is a kernel whose jiffies stand still now and then, as those of a
// virtual machine do that its host has no time for, and then catch up.
type ticking struct {
	hz     float64
	start  time.Time
	stalls []stall
}

type stall struct{ from, to time.Duration }

func (k *ticking) read() (instant, error) {
	now := time.Since(k.start)
	counted := now
	for _, s := range k.stalls {
		if now >= s.from && now < s.to {
			counted = s.from
		}
	}
	return instant{now, uint64(counted.Seconds() * k.hz)}, nil
}

func TestMeasureHZ(t *testing.T) {
	for name, k := range map[string]ticking{
		"100":  {hz: 100},
		"250":  {hz: 250},
		"300":  {hz: 300},
		"1000": {hz: 1000},
		"stalls at first": {hz: 250, stalls: []stall{
			{10 * time.Millisecond, 100 * time.Millisecond},
		}},
		"stalls again and again": {hz: 250, stalls: []stall{
			{0, 70 * time.Millisecond}, {90 * time.Millisecond, 200 * time.Millisecond}, {230 * time.Millisecond, 400 * time.Millisecond},
		}},
		// Ages would be wrong by as much as the rate is.
		"looks like 100 for a moment": {hz: 250, stalls: []stall{{24 * time.Millisecond, 70 * time.Millisecond}}},
		"looks like 300 for a moment": {hz: 1000, stalls: []stall{{18 * time.Millisecond, 70 * time.Millisecond}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k.start = time.Now()
				first, err := k.read()
				if err != nil {
					t.Fatal(err)
				}
				if got, err := measureHZ(first, k.read); err != nil || got != k.hz {
					t.Errorf("%v, %v; want %v", got, err, k.hz)
				}
			})
		})
	}
}

// The whole machine may stand still between the first reading and the next.
func TestMeasureHZAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := ticking{hz: 250, start: time.Now(), stalls: []stall{{time.Millisecond, 5*time.Second + 10*time.Millisecond}}}
		first, err := k.read()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got, err := measureHZ(first, k.read); err != nil || got != k.hz {
			t.Errorf("%v, %v; want %v", got, err, k.hz)
		}
	})
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		hz      float64
		jiffies uint64
		want    time.Duration
	}{
		{100, 1, 10 * time.Millisecond}, {250, 501, 2004 * time.Millisecond}, {300, 3, 10 * time.Millisecond}, {1000, 0, 0},
	} {
		if got := (clock{c.hz}).duration(c.jiffies); got != c.want {
			t.Errorf("%d jiffies at %v Hz are %v, want %v", c.jiffies, c.hz, got, c.want)
		}
	}
}
