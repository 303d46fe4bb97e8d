package metrics

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// startLimit is how long the first tick may take to come: to load the programs
// takes long on a slow machine.
const startLimit = 2 * time.Minute

// Handler serves /metrics, /healthz (the tick is alive) and /readyz (every hook is
// attached and the first census is in).
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4,
		ErrorHandling:       promhttp.ContinueOnError, // a series that cannot be told must not hide the others
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, m.healthy(time.Now())) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, m.readiness()) })
	return mux
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (m *Metrics) healthy(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, limit := m.ticked, m.limit
	if last.IsZero() {
		last, limit = m.started, startLimit
	}
	if quiet := now.Sub(last); quiet > limit {
		return fmt.Errorf("no tick for %s", quiet.Round(time.Second))
	}
	return nil
}

func (m *Metrics) readiness() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready {
		return fmt.Errorf("not ready: hooks are being attached, or owners sought")
	}
	return nil
}
