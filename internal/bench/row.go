package main

import "fmt"

// row is one line of the table.
type row struct {
	what    string
	ours    figure
	against string
	theirs  figure
	ratio   figure // with its quartiles
	target  string
	meets   []bound // all of them; none: there is no target
	brief   bool    // it is in the README too: what a user asks first
}

// figure is a measured value and how it is shown; the zero value is none.
type figure struct {
	benchmark, unit string
	show            format
}

type format func(float64) string

func (f figure) text(of figures) string {
	if f.show == nil {
		return ""
	}
	v, known := of.of(f.benchmark, f.unit)
	if !known {
		return "not measured"
	}
	return f.show(v)
}

// spread is the value with its quartiles, where it has them.
func (f figure) spread(of figures) string {
	low, hasLow := of.of(f.benchmark, f.unit+"-q1")
	high, hasHigh := of.of(f.benchmark, f.unit+"-q3")
	if f.show == nil || !hasLow || !hasHigh {
		return f.text(of)
	}
	return fmt.Sprintf("%s [%s, %s]", f.text(of), f.show(low), f.show(high))
}

// bound is what a target asks of a value.
type bound struct {
	benchmark, unit string
	within          func(float64) bool
}

func atMost(limit float64) func(float64) bool  { return func(v float64) bool { return v <= limit } }
func atLeast(limit float64) func(float64) bool { return func(v float64) bool { return v >= limit } }

// met says whether a row's target is; unknown where something was not measured.
func (r row) met(of figures) string {
	if len(r.meets) == 0 {
		return ""
	}
	for _, b := range r.meets {
		v, known := of.of(b.benchmark, b.unit)
		switch {
		case !known:
			return "?"
		case !b.within(v):
			return "no"
		}
	}
	return "yes"
}

func ms(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.2g ms", v)
}

func us(v float64) string           { return fmt.Sprintf("%.1f µs", v) }
func nsAsUs(v float64) string       { return us(v / 1000) }
func ns(v float64) string           { return fmt.Sprintf("%.0f ns", v) }
func mb(v float64) string           { return fmt.Sprintf("%.1f MB", v) }
func times(v float64) string        { return fmt.Sprintf("%.3g ×", v) }
func share(v float64) string        { return fmt.Sprintf("%.1f %%", 100*v) }
func more(v float64) string         { return fmt.Sprintf("%+.1f %%", 100*(v-1)) }
func percent(v float64) string      { return fmt.Sprintf("%.2f %%", v) }
func instructions(v float64) string { return fmt.Sprintf("%.0f instructions", v) }
func allocations(v float64) string  { return fmt.Sprintf("%.2f", v) }
