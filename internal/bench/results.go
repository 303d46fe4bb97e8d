package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// results are those of one run of the benchmarks, and where it ran.
type results struct {
	Machine machine `json:"machine"`
	Figures figures `json:"figures"`
}

// figures are values by benchmark and unit, as the benchmarks name them.
type figures map[string]map[string]float64

// of gives one value, if it was measured.
func (f figures) of(benchmark, unit string) (float64, bool) {
	v, known := f[benchmark][unit]
	return v, known
}

// parse reads what `go test -bench` prints; lines of another kind are passed over.
func parse(in io.Reader) (figures, error) {
	// The name ends with the number of CPUs, where that is not 1.
	line := regexp.MustCompile(`^Benchmark(\S+?)(-\d+)?\s+\d+\s+(.*)$`)
	all := make(figures)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := line.FindStringSubmatch(strings.TrimSpace(lines.Text()))
		if m == nil {
			continue
		}
		fields := strings.Fields(m[3])
		units := make(map[string]float64, len(fields)/2)
		for i := 0; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("value of %s in %s: %w", fields[i+1], m[1], err)
			}
			units[fields[i+1]] = v
		}
		all[m[1]] = units
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the output of the benchmarks: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("no benchmark has printed anything")
	}
	return all, nil
}

func (r *results) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

func readResults(file string) (*results, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	var r results
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("decode %s: %w", file, err)
	}
	return &r, nil
}
