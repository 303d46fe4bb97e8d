package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
)

const defaultStateDir = "/run/reusewatch"

// socketIn is where a daemon serves what it sees.
func socketIn(stateDir string) string { return filepath.Join(stateDir, "reusewatch.sock") }

// served is a daemon's side of the socket.
type served struct {
	*feed.Server
	meter *meter
}

// serve serves what the daemon sees. A daemon that cannot be asked still watches.
func (d *daemon) serve(path string, k *kernel.Kernel, w *watch.Watcher) {
	m := newMeter(k)
	server, err := feed.Serve(path, feed.Options{
		Explain: func(ctx context.Context, f *report.Frame, c listener.Cookie, clients int) (*report.Explanation, error) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(d.alive, cancel)()
			return d.explain(ctx, k, w, f, c, clients)
		},
		Reading: func(streams int) {
			m.on(streams > 0)
			_ = w.Ask(d.alive, func() { w.CountAll(streams > 0) }) // else the watcher has ended
		},
	})
	switch {
	case errors.Is(err, feed.ErrServed):
		d.log.Info("not served", "reason", err)
	case err != nil:
		d.log.Warn("not served", "error", err)
	default:
		d.served = &served{server, m}
	}
}

// show makes a judged snapshot the one that is served.
func (d *daemon) show(s *listener.Snapshot, js []listener.Judgement) {
	if d.served == nil {
		return
	}
	p := d.inForce()
	d.served.Publish(frame(s, js, &p.Default, d.served.meter))
}

func (d *daemon) explain(ctx context.Context, k *kernel.Kernel, w *watch.Watcher, f *report.Frame, c listener.Cookie, clients int) (*report.Explanation, error) {
	e, err := about(f, c)
	if err != nil {
		return nil, err
	}
	p := d.inForce()
	settings := p.For(e.Listener)
	e.Policy = thresholds(&settings)
	return e, closer(ctx, e, k, w, clients)
}

// endServing ends it, and what was on for those who read.
func (d *daemon) endServing() {
	if d.served == nil {
		return
	}
	if err := d.served.Close(); err != nil {
		d.log.Warn("end of serving", "error", err)
	}
	d.served.meter.on(false)
}
