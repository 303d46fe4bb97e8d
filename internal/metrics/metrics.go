// Package metrics exports what is judged and what happened to Prometheus; it alone knows that.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Program is what one program in the kernel has cost since it was loaded.
type Program struct {
	Name            string
	RunTime         time.Duration // 0 unless the kernel's BPF statistics are on
	Runs            uint64        // the same
	RecursionMisses uint64        // runs that the kernel skipped
}

// Costs of the kernel side.
type Costs struct {
	Programs []Program
	// Listeners that the kernel side remembers, and has room for until it grows.
	Entries, Capacity int
}

// Build is what is running.
type Build struct{ Version, GoVersion string }

// Metrics exports the last judged snapshot to Prometheus. A scrape reads what was
// published last and asks the kernel nothing. It is safe for concurrent use; on a
// nil one, where nobody asked for metrics, what publishes does nothing.
type Metrics struct {
	registry *prometheus.Registry
	descs    *descs
	events   eventMetrics
	ticks    prometheus.Histogram
	censuses prometheus.Histogram

	mu      sync.Mutex
	started time.Time
	began   time.Time // the tick under way
	ticked  time.Time // when the last one ended; zero: none has
	ready   bool
	limit   time.Duration // without a tick until it is not alive
	tier    listener.Tier
	armed   bool
	groups  *groups
	sums    sums
	leftOut int
	costs   Costs
}

// New exports at most this many groups under their own name, as many again that are
// stuck, and the others as one. A tick is expected every interval.
func New(b Build, interval time.Duration, most int) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), descs: newDescs(), events: newEventMetrics(),
		started: time.Now(), limit: max(10*interval, 30*time.Second), groups: newGroups(most),
		ticks: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "reusewatch_tick_duration_seconds",
			Help:    "How long a tick took: looking at all listeners, and judging them. Far below the interval while all is well.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}),
		censuses: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "reusewatch_census_duration_seconds",
			Help:    "How long one pass over the descriptors of all processes took. It is made when something is suspected or new.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}),
	}
	m.registry.MustRegister(
		m, m.ticks, m.censuses, buildInfo(b),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.events.register(m.registry)
	return m
}

func buildInfo(b Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "reusewatch_build_info",
		Help:        "Always 1; the labels say which version runs.",
		ConstLabels: prometheus.Labels{"version": b.Version, "goversion": b.GoVersion},
	})
	g.Set(1)
	return g
}

// TickBegan is told when a tick begins; Publish ends it.
func (m *Metrics) TickBegan() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.began = time.Now()
}

// CensusTook is told of each census.
func (m *Metrics) CensusTook(d time.Duration) { m.censuses.Observe(d.Seconds()) }

// Publish takes a judged snapshot: the tick has ended. Judgements that are those of the
// snapshot before cost nothing.
func (m *Metrics) Publish(s *listener.Snapshot, js []listener.Judgement, armed bool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.groups.take(s.Time, js) {
		m.sums = summarize(js)
	}
	m.tier, m.armed, m.ticked, m.leftOut = s.Tier, armed, time.Now(), s.LeftOut
	if !m.began.IsZero() {
		m.ticks.Observe(m.ticked.Sub(m.began).Seconds())
	}
}

// Cost takes what the kernel side costs.
func (m *Metrics) Cost(c Costs) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.costs = c
}

// Unrecorded takes how many looks were left out of a recording.
func (m *Metrics) Unrecorded(looks int) { m.events.unrecorded.Add(float64(looks)) }

// Event takes an event as it is told.
func (m *Metrics) Event(e wire.Event) {
	if m == nil {
		return
	}
	if e.Kind == wire.Ready {
		m.mu.Lock()
		m.ready = true
		m.mu.Unlock()
	}
	m.events.count(e)
}

// sums are over all listeners.
type sums struct {
	verdicts     map[listener.Verdict]int
	held         map[listener.Reason]int
	waiting      uint64
	waitingStuck uint64
}

func summarize(js []listener.Judgement) sums {
	s := sums{verdicts: make(map[listener.Verdict]int), held: make(map[listener.Reason]int)}
	for i := range js {
		j := &js[i]
		s.verdicts[j.Verdict]++
		s.waiting += uint64(j.Queue)
		if j.Verdict == listener.Stuck {
			s.waitingStuck += uint64(j.Queue)
		}
		if d := j.Decision; d != nil && d.Reason != "" {
			s.held[d.Reason]++
		}
	}
	return s
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range m.descs.all {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	for _, metric := range m.collected() {
		to <- metric
	}
}

// exposition is what one scrape brings. It is sent when the lock is free again: a tick that
// publishes must not wait until somebody has received it.
type exposition []prometheus.Metric

func (s *exposition) add(desc *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
	*s = append(*s, prometheus.MustNewConstMetric(desc, kind, v, labels...))
}

func (m *Metrics) collected() (to exposition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.descs
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		to.add(desc, prometheus.GaugeValue, v, labels...)
	}
	for _, tier := range []listener.Tier{listener.TierFunctions, listener.TierTracepoints, listener.TierQueues} {
		gauge(d.tier, one(tier == m.tier), string(tier))
	}
	gauge(d.armed, one(m.armed))
	gauge(d.ready, one(m.ready))
	if m.ticked.IsZero() {
		return to
	}
	gauge(d.lastTick, float64(m.ticked.UnixMilli())/1000)
	for _, v := range verdicts() {
		gauge(d.listeners, float64(m.sums.verdicts[v]), verdictName(v))
	}
	for reason, n := range m.sums.held {
		gauge(d.held, float64(n), string(reason))
	}
	gauge(d.waiting, float64(m.sums.waiting))
	gauge(d.waitingStuck, float64(m.sums.waitingStuck))
	gauge(d.leftOut, float64(m.leftOut))
	m.groups.collect(d, &to)
	m.collectCosts(&to)
	return to
}

func (m *Metrics) collectCosts(to *exposition) {
	d := m.descs
	counter := func(desc *prometheus.Desc, v float64, program string) {
		to.add(desc, prometheus.CounterValue, v, program)
	}
	for _, p := range m.costs.Programs {
		counter(d.bpfTime, p.RunTime.Seconds(), p.Name)
		counter(d.bpfRuns, float64(p.Runs), p.Name)
		counter(d.bpfMisses, float64(p.RecursionMisses), p.Name)
	}
	if m.costs.Capacity > 0 {
		to.add(d.mapEntries, prometheus.GaugeValue, float64(m.costs.Entries), "listeners")
		to.add(d.mapCapacity, prometheus.GaugeValue, float64(m.costs.Capacity), "listeners")
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func verdicts() []listener.Verdict {
	return []listener.Verdict{listener.NoVerdict, listener.Idle, listener.Accepting, listener.Slow, listener.Suspect, listener.Stuck}
}

func verdictName(v listener.Verdict) string {
	if v == listener.NoVerdict {
		return "undecided"
	}
	return string(v)
}
