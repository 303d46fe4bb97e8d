package daemon

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

	"github.com/reusewatch/reusewatch/internal/bounded"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/metrics"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// mostScrapers may be connected at once.
const mostScrapers = 128

// costEvery is how often the kernel is asked what its side costs.
const costEvery = 10 * time.Second

// Serve listens, so that probes are answered while the kernel side is loaded. It exports at
// most this many groups under their own name; see [metrics.New].
func Serve(log *slog.Logger, address string, groups int, interval time.Duration, version string) (*Exporter, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	e := &Exporter{
		Metrics: metrics.New(metrics.Build{Version: version, GoVersion: runtime.Version()}, interval, groups),
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

// Exporter is the metrics with what serves them. On a nil one nothing is done.
type Exporter struct {
	*metrics.Metrics
	server *http.Server
	done   chan struct{}
}

// Close ends it.
func (e *Exporter) Close() error {
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

// Watch has a kernel side asked what it costs, beside the watcher, until the returned func
// is called.
func (e *Exporter) Watch(log *slog.Logger, k Kernel) (end func()) {
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

// Source measures what a watcher does to the kernel side.
func (e *Exporter) Source(s watch.Source) watch.Source {
	if e == nil {
		return s
	}
	return timed{s, e.Metrics}
}

// event takes an event as it is told.
func (e *Exporter) event(ev wire.Event) {
	if e != nil {
		e.Event(ev)
	}
}

// unrecorded counts looks that were left out of a recording.
func (e *Exporter) unrecorded(looks int) {
	if e != nil {
		e.Unrecorded(looks)
	}
}

// costs tells what the kernel side costs, until the context ends.
func (e *Exporter) costs(ctx context.Context, log *slog.Logger, k Kernel) {
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

func (e *Exporter) cost(k Kernel) error {
	stats, err := k.Stats()
	if err != nil {
		return err
	}
	var c metrics.Costs
	c.Entries, c.Capacity = k.Room()
	for _, p := range stats {
		c.Programs = append(c.Programs, metrics.Program{
			Name: p.Name, RunTime: time.Duration(p.RunTime), Runs: p.RunCount, RecursionMisses: p.RecursionMisses,
		})
	}
	e.Cost(c)
	return nil
}

// timed is a kernel side whose ticks and censuses are measured.
type timed struct {
	watch.Source
	metrics *metrics.Metrics
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
