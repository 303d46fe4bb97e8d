package benchtest

import (
	"math"
	"slices"
	"testing"
)

// side is one of several ways that are measured in turn; one measurement is a
// positive number, the less the better.
type side struct {
	name    string
	measure func() float64
}

// turns are measurements of several sides: those of one index were made right
// after each other.
type turns struct {
	b  *testing.B
	of map[string][]float64
}

// takeTurns measures each side n times, A B, B A, A B, …: whatever else the machine
// does, it does to all of them.
func takeTurns(b *testing.B, n int, sides ...side) turns {
	b.Helper()
	t := turns{b, make(map[string][]float64)}
	order := slices.Clone(sides)
	for range n {
		for _, s := range order {
			t.of[s.name] = append(t.of[s.name], s.measure())
		}
		slices.Reverse(order)
	}
	b.ReportMetric(0, "ns/op") // of all of it says nothing
	return t
}

// median reports the middle of a side's measurements, which are in this unit.
func (t turns) median(name, unit string) {
	t.b.ReportMetric(quantile(t.of[name], 0.5), name+"-"+unit)
}

// ratio reports how many times as much one side is as the other: the median of the
// pairs, and the quarters of them that are less and more.
func (t turns) ratio(name, to string) {
	pairs := make([]float64, len(t.of[name]))
	for i, v := range t.of[name] {
		pairs[i] = v / t.of[to][i]
	}
	t.spread(name+":"+to, pairs)
}

// added reports how many times as much one side adds to a third as the other does.
func (t turns) added(name, than, to string) {
	pairs := make([]float64, len(t.of[name]))
	for i, base := range t.of[to] {
		pairs[i] = (t.of[name][i] - base) / (t.of[than][i] - base)
	}
	t.spread(name+"/"+than, pairs)
}

// spread reports the median of some values, and their quartiles.
func (t turns) spread(name string, values []float64) {
	t.b.ReportMetric(quantile(values, 0.5), name)
	t.b.ReportMetric(quantile(values, 0.25), name+"-q1")
	t.b.ReportMetric(quantile(values, 0.75), name+"-q3")
}

// quantile is the value below which a share q of the values lies.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
