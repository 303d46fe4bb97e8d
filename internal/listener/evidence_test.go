package listener

import (
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	const over = 10 * time.Second
	for name, c := range map[string]struct {
		u                            Usage
		progress, spinning, starving bool
	}{
		"nothing":             {Usage{}, false, false, false},
		"I/O":                 {Usage{IOBytes: 1}, true, false, false},
		"major fault":         {Usage{MajorFaults: 1}, true, false, false},
		"1 %, some system":    {Usage{User: 90 * time.Millisecond, System: 10 * time.Millisecond}, true, false, false},
		"under 1 %":           {Usage{User: 80 * time.Millisecond, System: 10 * time.Millisecond}, false, false, false},
		"user time alone":     {Usage{User: 4 * time.Second}, false, false, false},
		"half a CPU":          {Usage{User: 5 * time.Second}, false, true, false},
		"interrupts are none": {Usage{User: 9 * time.Second, System: 90 * time.Millisecond}, false, true, false},
		"system calls":        {Usage{User: 9 * time.Second, System: 200 * time.Millisecond}, true, false, false},
		"waits for a CPU":     {Usage{RunnableWait: 0.1}, false, false, true},
		"hardly waits":        {Usage{RunnableWait: 0.09}, false, false, false},
		"throttled":           {Usage{Throttled: true}, false, false, true},
	} {
		c.u.Over = over
		if c.u.Progress() != c.progress || c.u.Spinning() != c.spinning || c.u.Starved() != c.starving {
			t.Errorf("%s: progress %v, spinning %v, starved %v", name, c.u.Progress(), c.u.Spinning(), c.u.Starved())
		}
	}
}
