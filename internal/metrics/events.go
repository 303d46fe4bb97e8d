package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// eventMetrics count what happened.
type eventMetrics struct {
	stuck, holds, acts *prometheus.CounterVec
	rescued, stale     prometheus.Counter
	dropped            prometheus.Counter
	unrecorded         prometheus.Counter
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
		dropped: prometheus.NewCounter(counter("events_dropped_total",
			"Events that were left out on stdout, for whoever reads them took none.")),
		unrecorded: prometheus.NewCounter(counter("unrecorded_looks_total",
			"Looks that were left out of the file of --record, for its disk was full or took none.")),
	}
	for _, action := range []listener.Action{listener.Close, listener.Kill} {
		for _, result := range []string{resultDone, resultFailed} {
			m.acts.WithLabelValues(string(action), result)
		}
	}
	return m
}

func (m *eventMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.stuck, m.holds, m.acts, m.rescued, m.stale, m.dropped, m.unrecorded)
}

func (m *eventMetrics) count(e wire.Event) {
	switch e.Kind {
	case wire.Stuck:
		m.stuck.WithLabelValues(string(e.Listener.Cause)).Inc()
	case wire.Held:
		m.holds.WithLabelValues(string(e.Listener.Decision.Reason)).Inc()
	case wire.Acted:
		m.acts.WithLabelValues(string(e.Act.Action), resultDone).Inc()
		m.rescued.Add(float64(e.Act.Rescued.Or(0)))
		m.stale.Add(float64(e.Act.Stale.Or(0)))
	case wire.Dropped:
		m.dropped.Add(float64(e.Count))
	case wire.ActFailed:
		m.acts.WithLabelValues(string(e.Act.Action), resultFailed).Inc()
	default:
	}
}
