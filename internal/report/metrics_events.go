package report

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// eventMetrics count what happened.
type eventMetrics struct {
	stuck, holds, acts *prometheus.CounterVec
	rescued, stale     prometheus.Counter
}

// The results of an act.
const (
	resultDone   = "done"
	resultFailed = "failed"
)

func newEventMetrics() eventMetrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "reusewatch_" + name, Help: help}
	}
	m := eventMetrics{
		stuck: prometheus.NewCounterVec(counter("stuck_total",
			"Listeners that were found to be stuck, by cause."), []string{"cause"}),
		holds: prometheus.NewCounterVec(counter("holds_total",
			"Times that a stuck listener was held, once for each change of the first reason."), []string{"reason"}),
		acts: prometheus.NewCounterVec(counter("acts_total",
			"Acts by what was done and how it ended; failed: the listener is still there."), []string{"action", "result"}),
		rescued: prometheus.NewCounter(counter("rescued_clients_total",
			"Clients that waited at a stuck listener and were moved to one that serves.")),
		stale: prometheus.NewCounter(counter("stale_clients_total",
			"Clients that had given up before an act, and were let go.")),
	}
	for _, action := range []listener.Action{listener.Close, listener.Kill} {
		for _, result := range []string{resultDone, resultFailed} {
			m.acts.WithLabelValues(string(action), result)
		}
	}
	return m
}

func (m *eventMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.stuck, m.holds, m.acts, m.rescued, m.stale)
}

func (m *eventMetrics) count(e Event) {
	switch e.Kind {
	case Stuck:
		m.stuck.WithLabelValues(string(e.Listener.Cause)).Inc()
	case Held:
		m.holds.WithLabelValues(string(e.Listener.Decision.Reason)).Inc()
	case Acted:
		m.acts.WithLabelValues(string(e.Act.Action), resultDone).Inc()
		m.rescued.Add(float64(e.Act.Rescued.Or(0)))
		m.stale.Add(float64(e.Act.Stale.Or(0)))
	case ActFailed:
		m.acts.WithLabelValues(string(e.Act.Action), resultFailed).Inc()
	default:
	}
}
