package benchtest

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// BenchmarkConnection is the CPU time of a connection over loopback with nothing
// attached, with an empty program at the tracepoint, with the always-on part, with
// another group counted, and with all listeners counted.
func BenchmarkConnection(b *testing.B) {
	c := &caller{b: b, ns: livetest.Netns(b), n: 1500, spread: 1 << 16}
	t := takeTurns(b, 30,
		side{"off", c.perConnection},
		side{"empty", with(b, attachEmpty, c.perConnection)},
		side{"quiet", with(b, quietly, c.perConnection)},
		side{"elsewhere", func() float64 {
			k := quietly(b)
			defer k.Close()
			other := c.ns.Listen(livetest.Listen{})
			defer other.Close()
			k.countOnly(other)
			return c.perConnection()
		}},
		side{"counting", with(b, countingAll, c.perConnection)},
	)
	t.median("off", "ns")
	for _, name := range []string{"empty", "quiet", "elsewhere", "counting"} {
		t.ratio(name, "off")
	}
	t.ratio("quiet", "empty")
}

// BenchmarkRunTime is what the kernel itself says that the programs take of a
// connection, beside its CPU time with nothing attached. An empty program shows
// how much of that is the counting of run time.
func BenchmarkRunTime(b *testing.B) {
	c := &caller{b: b, ns: livetest.Netns(b), n: 1500, spread: 1 << 16}
	runs := make(map[string]float64)
	perConnection := func(name string, a attached) float64 {
		defer a.Close()
		stats, err := kernel.CountRunTime()
		must(b, err)
		defer stats.Close()
		before := c.calls
		c.perConnection()
		took, n := a.RunTime()
		made := float64(c.calls - before)
		runs[name] = float64(n) / made
		return took / made
	}
	t := takeTurns(b, 15,
		side{"off", c.perConnection},
		side{"empty", func() float64 { return perConnection("empty", attachEmpty(b)) }},
		side{"quiet", func() float64 { return perConnection("quiet", quietly(b)) }},
		side{"counting", func() float64 { return perConnection("counting", countingAll(b)) }},
	)
	for _, name := range []string{"empty", "quiet", "counting"} {
		t.median(name, "ns")
		t.ratio(name, "off")
		b.ReportMetric(runs[name], name+"-runs")
	}
}
