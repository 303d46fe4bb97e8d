package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestScrapeHoldsNobodyUp: a tick publishes while a scrape waits for its receiver.
func TestScrapeHoldsNobodyUp(t *testing.T) {
	m := newMetrics(10)
	publish(m)
	to := make(chan prometheus.Metric)
	go func() {
		defer close(to)
		m.Collect(to)
	}()
	<-to // and no more until the tick has ended
	published := make(chan struct{})
	go func() {
		publish(m)
		close(published)
	}()
	select {
	case <-published:
	case <-time.After(20 * time.Second):
		t.Error("a tick waits for whoever receives a scrape")
	}
	for range to {
		continue // until it has ended
	}
}
