package metrics

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reusewatch/reusewatch/internal/golden"
)

// TestMetricNames: each metric of ours with its labels.
func TestMetricNames(t *testing.T) {
	m := newMetrics(10)
	to := make(chan *prometheus.Desc)
	go func() {
		defer close(to)
		m.registry.Describe(to)
	}()
	var names []string
	for d := range to {
		if line := d.String(); strings.Contains(line, `fqName: "reusewatch_`) {
			names = append(names, line+"\n")
		}
	}
	slices.Sort(names)
	golden.Compare(t, "metrics.txt", strings.Join(names, ""))
}
