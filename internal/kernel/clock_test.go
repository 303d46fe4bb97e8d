package kernel

import (
	"testing"
	"time"
)

// The live tests show by ages that it is the jiffy of the running kernel.
func TestJiffy(t *testing.T) {
	c, err := newClock()
	if err != nil {
		t.Fatal(err)
	}
	switch c.jiffy {
	case 10 * time.Millisecond, 4 * time.Millisecond, 3333333 * time.Nanosecond, time.Millisecond:
	default:
		t.Errorf("a jiffy of %s is none that x86-64 and arm64 kernels can be built with", c.jiffy)
	}
	if got, want := c.duration(250), 250*c.jiffy; got != want {
		t.Errorf("250 jiffies are %s, want %s", got, want)
	}
}
