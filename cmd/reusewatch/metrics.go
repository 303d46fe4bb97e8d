package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/bounded"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// metricsFlags say whether and where metrics are served.
type metricsFlags struct {
	address string
	groups  int
}

func (m *metricsFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.address, "metrics-address", "", "serve /metrics, /healthz and /readyz on this HOST:PORT; empty: nowhere")
	f.IntVar(&m.groups, "metrics-groups", 1000, "export at most this many addresses under their own name, once they have lasted a minute; as many again if they are stuck, which are named at once; and the others as one")
}

// mostScrapers may be connected at once.
const mostScrapers = 128

// costEvery is how often the kernel is asked what its side costs.
const costEvery = 10 * time.Second

// serve listens, so that probes are answered while the kernel side is loaded. Where
// nobody asked for metrics it gives nil.
func (m *metricsFlags) serve(log *slog.Logger, interval time.Duration) (*exporter, error) {
	if m.address == "" {
		return nil, nil
	}
	if m.groups < 1 {
		return nil, usagef("--metrics-groups %d: at least 1 must have its name", m.groups)
	}
	l, err := net.Listen("tcp", m.address)
	if err != nil {
		return nil, usagef("--metrics-address: %w", err)
	}
	e := &exporter{
		Metrics: report.NewMetrics(report.Build{Version: version, GoVersion: runtime.Version()}, interval, m.groups),
		done:    make(chan struct{}),
	}
	// Anybody who reaches the address may connect: a scrape takes no longer than Prometheus
	// waits for one, and who asks nothing keeps out nobody who does.
	e.server = &http.Server{
		Handler: e.Handler(), ReadTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	log.Info("metrics are served", "address", l.Addr())
	go func() {
		defer close(e.done)
		if err := bounded.Serve(e.server, l, mostScrapers); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are served no more", "error", err)
		}
	}()
	return e, nil
}

// exporter is the metrics with what serves them. On a nil one nothing is done.
type exporter struct {
	*report.Metrics
	server *http.Server
	done   chan struct{}
}

func (e *exporter) close() error {
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := e.server.Shutdown(ctx)
	if err != nil {
		err = e.server.Close()
	}
	<-e.done
	if err != nil {
		return fmt.Errorf("end serving metrics: %w", err)
	}
	return nil
}

// watch has a kernel side asked what it costs, beside the watcher, until the returned func
// is called.
func (e *exporter) watch(log *slog.Logger, k *kernel.Kernel) (end func()) {
	if e == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() { e.costs(ctx, log, k) })
	return func() {
		cancel()
		asking.Wait()
	}
}

// source measures what a watcher does to the kernel side.
func (e *exporter) source(s watch.Source) watch.Source {
	if e == nil {
		return s
	}
	return timed{s, e.Metrics}
}

// event takes an event as it is told.
func (e *exporter) event(ev report.Event) {
	if e != nil {
		e.Event(ev)
	}
}

// unrecorded counts looks that were left out of a recording.
func (e *exporter) unrecorded(looks int) {
	if e != nil {
		e.Unrecorded(looks)
	}
}

// export publishes a judged snapshot: the tick has ended.
func (d *daemon) export(s *listener.Snapshot, js []listener.Judgement) {
	if d.exporter == nil {
		return
	}
	d.rules.Lock()
	acts := armed(&d.policy) && !d.past.Disarmed // by what the judge heard of the state folder
	d.rules.Unlock()
	d.exporter.Publish(s, js, acts)
}

// costs tells what the kernel side costs, until the context ends.
func (e *exporter) costs(ctx context.Context, log *slog.Logger, k *kernel.Kernel) {
	every := time.NewTicker(costEvery)
	defer every.Stop()
	for {
		if err := e.cost(k); err != nil {
			log.Warn("what the kernel side costs is not known", "error", err)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

func (e *exporter) cost(k *kernel.Kernel) error {
	stats, err := k.Stats()
	if err != nil {
		return err
	}
	var c report.Costs
	c.Entries, c.Capacity = k.Room()
	for _, p := range stats {
		c.Programs = append(c.Programs, report.ProgramCost{
			Name: p.Name, RunTime: time.Duration(p.RunTime), Runs: p.RunCount, RecursionMisses: p.RecursionMisses,
		})
	}
	e.Cost(c)
	return nil
}

// armed says whether the policy lets anything be acted on.
func armed(p *judge.Policy) bool {
	acts := func(a *listener.Action) bool { return a != nil && *a != listener.Observe }
	if p.Given.Action != nil {
		return acts(p.Given.Action)
	}
	for i := range p.Rules {
		if acts(p.Rules[i].Set.Action) {
			return true
		}
	}
	return acts(&p.Default.Action)
}

// timed is a kernel side whose ticks and censuses are measured.
type timed struct {
	watch.Source
	metrics *report.Metrics
}

// Events is the first that a tick asks for.
func (t timed) Events() ([]listener.Event, error) {
	t.metrics.TickBegan()
	return t.Source.Events()
}

func (t timed) Census(each func(*listener.Held)) error {
	began := time.Now()
	defer func() { t.metrics.CensusTook(time.Since(began)) }()
	return t.Source.Census(each)
}
