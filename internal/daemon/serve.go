package daemon

import (
	"context"
	"errors"

	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/view"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// served is a daemon's side of the socket.
type served struct {
	*feed.Server
	meter    *view.Meter
	end      context.CancelFunc
	followed chan struct{} // closed when nobody follows the readers any more
}

// serve serves what the daemon sees. A daemon that cannot be asked still watches.
func (d *daemon) serve(path string, k Kernel) {
	server, err := feed.Serve(path, feed.Options{
		Explain: func(ctx context.Context, f *wire.Frame, c listener.Cookie, clients int) (*wire.Explanation, error) {
			return d.explain(ctx, k, f, c, clients)
		},
	})
	switch {
	case errors.Is(err, feed.ErrServed):
		d.log.Info("not served", "reason", err)
	case err != nil:
		d.log.Warn("not served", "error", err)
	default:
		ctx, end := context.WithCancel(d.alive)
		d.served = &served{Server: server, meter: view.NewMeter(k), end: end, followed: make(chan struct{})}
		go d.served.follow(ctx, d.watcher)
	}
}

// follow has every listener counted, and the run time of the programs, for as long as a
// stream is read. It waits for the watcher, which in turn waits for nobody who does: so
// it has a goroutine of its own, holds no lock, and ends with the watcher.
func (s *served) follow(ctx context.Context, w *watch.Watcher) {
	defer close(s.followed)
	defer s.meter.On(false)
	for counting := false; ctx.Err() == nil; {
		streams, changed := s.Streams()
		if read := streams > 0; read != counting {
			counting = read
			s.meter.On(read)
			_ = w.Ask(ctx, func() { w.CountAll(read) }) // an error says that the watcher has ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// show makes a judged snapshot the one that is served.
func (d *daemon) show(s *listener.Snapshot, js []listener.Judgement) {
	if d.served == nil {
		return
	}
	p := d.ruling.inForce()
	d.served.Publish(view.Frame(s, js, &p.Default, d.served.meter))
}

func (d *daemon) explain(ctx context.Context, k Kernel, f *wire.Frame, c listener.Cookie, clients int) (*wire.Explanation, error) {
	e, err := view.About(f, c)
	if err != nil {
		return nil, err
	}
	p := d.ruling.inForce()
	settings := p.For(e.Listener)
	e.Policy = view.Thresholds(&settings)
	return e, view.Closer(ctx, e, k, d.watcher, clients)
}

// endServing ends it, and what was on for those who read.
func (d *daemon) endServing() {
	if d.served == nil {
		return
	}
	if err := d.served.Close(); err != nil {
		d.log.Warn("end of serving", "error", err)
	}
	d.served.end()
	<-d.served.followed
}
