package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const output = `goos: linux
cpu: QEMU TCG CPU version 2.5+
BenchmarkHost/Census-2         	       1	        15.63 census-ms	       190.6 netstat-ms
BenchmarkTick/10000 	       1	         2.5 look-ms	         1.2e-05 ss:look-q1
--- SKIP: BenchmarkInstructionsConnection
PASS
`

func TestParse(t *testing.T) {
	got, err := parse(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	want := figures{
		"Host/Census": {"census-ms": 15.63, "netstat-ms": 190.6},
		"Tick/10000":  {"look-ms": 2.5, "ss:look-q1": 1.2e-05},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseNothing(t *testing.T) {
	if _, err := parse(strings.NewReader("PASS\n")); err == nil {
		t.Error("an output without benchmarks was read")
	}
}

// full are figures for all that the rows name: quartiles beside medians.
func full(value float64) figures {
	all := make(figures)
	set := func(benchmark, unit string) {
		if benchmark == "" {
			return
		}
		if all[benchmark] == nil {
			all[benchmark] = make(map[string]float64)
		}
		all[benchmark][unit] = value
	}
	for _, r := range rows() {
		for _, f := range []figure{r.ours, r.theirs, r.ratio} {
			set(f.benchmark, f.unit)
		}
		for _, b := range r.meets {
			set(b.benchmark, b.unit)
		}
	}
	for _, c := range countedFigures() {
		set(c.benchmark, c.unit)
	}
	return all
}

func TestTable(t *testing.T) {
	r := &results{Figures: full(1)}
	table := r.markdown(false)
	for _, unwanted := range []string{"not measured", "| ? |"} {
		if strings.Contains(table, unwanted) {
			t.Errorf("%q in\n%s", unwanted, table)
		}
	}
	const tick = "| tick, 10,000 idle listeners | 1 ms | `ss -lnt` | 1 ms | 1 × | ≤ 2 ms, ≥ 20 × | no |"
	if !strings.Contains(table, tick) {
		t.Errorf("the tick is not as measured in\n%s", table)
	}
	if n, all := strings.Count(r.markdown(true), "\n"), strings.Count(table, "\n"); n >= all {
		t.Errorf("%d lines of %d are brief", n, all)
	}
	delete(r.Figures, "Stuck")
	if table = r.markdown(false); !strings.Contains(table, "| not measured |") || !strings.Contains(table, "| ? |") {
		t.Errorf("what was not measured is not told in\n%s", table)
	}
	if strings.Contains(r.terminal(), "act to the last of its clients") {
		t.Errorf("the terminal shows what was not measured:\n%s", r.terminal())
	}
}

func TestSpread(t *testing.T) {
	f := figure{"A", "x", more}
	if got := f.spread(figures{"A": {"x": 1.02, "x-q1": 0.99, "x-q3": 1.03}}); got != "+2.0 % [-1.0 %, +3.0 %]" {
		t.Errorf("%q", got)
	}
}

func TestCompare(t *testing.T) {
	base := &results{Figures: full(1)}
	for name, c := range map[string]struct {
		change func(figures)
		fails  bool
	}{
		"the same":            {func(figures) {}, false},
		"less":                {func(f figures) { f["InstructionsConnection"]["counting:off"] = 0.9 }, false},
		"within the slack":    {func(f figures) { f["RunTime"]["quiet-runs"] = 1.01 }, false},
		"more runs":           {func(f figures) { f["RunTime"]["quiet-runs"] = 1.1 }, true},
		"more instructions":   {func(f figures) { f["InstructionsConnection"]["counting:off"] = 1.008 }, true},
		"an allocation each":  {func(f figures) { f["Allocations"]["allocs/listener"] = 2 }, true},
		"not measured":        {func(f figures) { delete(f, "RunTime") }, true},
		"slower on the clock": {func(f figures) { f["Host/List"]["list-ms"] = 900 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := &results{Figures: full(1)}
			c.change(now.Figures)
			var out bytes.Buffer
			err := compare(&out, base, now)
			if errors.Is(err, errRegression) != c.fails {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

func TestReplace(t *testing.T) {
	page := "before\n" + beginTable + "old\n" + endTable + "after\n"
	got, err := replace(page, "new\n")
	if want := "before\n" + beginTable + "new\n" + endTable + "after\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := replace("no marks", "new\n"); err == nil {
		t.Error("a page without marks was written")
	}
}

// TestPublished: the pages show the checked-in baseline, and no hand has changed them.
func TestPublished(t *testing.T) {
	baseline := "../../docs/bench/baseline.json"
	r, err := readResults(baseline)
	if err != nil {
		t.Fatal(err)
	}
	for page, brief := range map[string]bool{"../../README.md": true, "../../docs/performance.md": false} {
		text, err := readPage(page)
		if err != nil {
			t.Fatal(err)
		}
		anew, err := replace(text, r.markdown(brief))
		if err != nil {
			t.Fatal(err)
		}
		if anew != text {
			t.Errorf("%s: not the table of %s: run make bench-publish", filepath.Base(page), baseline)
		}
	}
}
