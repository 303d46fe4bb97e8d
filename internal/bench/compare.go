package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// counted is a figure that does not depend on the machine or what else it does.
type counted struct {
	benchmark, unit string
	slack           float64 // by which it may be more than the baseline
	relative        bool    // slack is a share of the baseline
}

// countedFigures are what a regression shows in. The ratios are of instructions:
// a hundredth is a hundredth of a connection's, or of a SYN's.
func countedFigures() []counted {
	return []counted{
		{"RunTime", "quiet-runs", 0.02, true},
		{"RunTime", "counting-runs", 0.02, true},
		{"InstructionsConnection", "quiet:off", 0.007, false},
		{"InstructionsConnection", "counting:off", 0.007, false},
		{"InstructionsSYNFlood/alone", "counting:off", 0.025, false},
		{"InstructionsSYNFlood/group", "counting:off", 0.025, false},
		{"Allocations", "allocs/listener", 0.02, false},
		{"Allocations", "allocs/tick", 10, false},
	}
}

// errRegression says that something is counted more than before.
var errRegression = errors.New("something costs more than in the baseline")

func compareFiles(out io.Writer, baseline, file string) error {
	base, err := readResults(baseline)
	if err != nil {
		return err
	}
	now, err := readResults(file)
	if err != nil {
		return err
	}
	return compare(out, base, now)
}

// compare tells both values of each counted figure, and fails where one is more than
// the baseline's, or missing.
func compare(out io.Writer, base, now *results) error {
	var failed error
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COUNTED\tBASELINE\tLIMIT\tNOW\t")
	for _, c := range countedFigures() {
		was, known := base.Figures.of(c.benchmark, c.unit)
		is, measured := now.Figures.of(c.benchmark, c.unit)
		limit := was + c.slack
		if c.relative {
			limit = was * (1 + c.slack)
		}
		word := "ok"
		switch {
		case !known || !measured:
			word, failed = "missing", errRegression
		case is > limit:
			word, failed = "MORE", errRegression
		}
		fmt.Fprintf(w, "%s %s\t%.4g\t%.4g\t%.4g\t%s\n", c.benchmark, c.unit, was, limit, is, word)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the comparison: %w", err)
	}
	if failed != nil {
		fmt.Fprintf(out, "the baseline is of %s\n", base.Machine)
	}
	return failed
}
