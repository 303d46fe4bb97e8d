package view

import (
	"context"
	"errors"
	"sync"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Own looks for itself: once, or on and on until Close.
type Own struct {
	kernel *kernel.Kernel
	watch  *watch.Watcher
	policy judge.Policy
	meter  *Meter
	frames chan *wire.Frame // the newest, if nobody has had it
	end    context.CancelFunc
	ended  chan struct{}
	failed error // good when ended is closed

	mu   sync.Mutex
	last *wire.Frame
}

// Look looks by this kernel side, which it closes in the end: once, or goes on and on. The
// frames are judged by this policy.
func Look(ctx context.Context, k *kernel.Kernel, w *watch.Watcher, p judge.Policy, goOn bool) (*Own, error) {
	o := &Own{kernel: k, watch: w, policy: p, meter: NewMeter(k), frames: make(chan *wire.Frame, 1), ended: make(chan struct{})}
	if goOn {
		o.meter.On(true)
	}
	first, err := w.Start()
	if err != nil {
		o.meter.On(false)
		return nil, errors.Join(err, k.Close())
	}
	first.Watched = goOn
	o.take(first)
	var looking context.Context
	looking, o.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(o.ended)
		if !goOn {
			<-looking.Done()
			return
		}
		o.failed = w.Run(looking, func(s *listener.Snapshot, _ []watch.Change) { o.take(s) })
	}()
	return o, nil
}

// take judges a snapshot as a run with these settings would.
func (o *Own) take(s *listener.Snapshot) {
	f := Frame(s, judge.Judge(s, &o.policy, &judge.Past{}), &o.policy.Default, o.meter)
	o.mu.Lock()
	o.last = f
	o.mu.Unlock()
	select {
	case <-o.frames: // nobody wanted it
	default:
	}
	o.frames <- f
}

// Next implements [View].
func (o *Own) Next(ctx context.Context) (*wire.Frame, error) {
	select {
	case f := <-o.frames:
		return f, nil
	case <-o.ended:
		return nil, o.failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Explain implements [View].
func (o *Own) Explain(ctx context.Context, c listener.Cookie, clients int) (*wire.Explanation, error) {
	o.mu.Lock()
	f := o.last
	o.mu.Unlock()
	e, err := About(f, c)
	if err != nil {
		return nil, err
	}
	if !f.Watched {
		if e.Listener, err = o.watch.Inspect(e.Listener); err != nil { // nobody else uses the watcher
			return nil, err
		}
	}
	return e, Closer(ctx, e, o.kernel, o.watch, clients)
}

// Waiting tells who waits at a listener; kernel.ErrNotListening where it has ended.
type Waiting interface {
	Clients(l *listener.Listener, most int) (listener.Clients, error)
}

// Closer adds to an explanation what is sought only when somebody asks: who waits, and what the
// owners do.
func Closer(ctx context.Context, e *wire.Explanation, k Waiting, w *watch.Watcher, clients int) error {
	if e.Watched {
		var err error
		asked := w.Ask(ctx, func() { e.Listener, err = w.Inspect(e.Listener) })
		if err := errors.Join(asked, err); err != nil {
			return err
		}
	}
	c, err := k.Clients(e.Listener, min(clients, kernel.MaxClients))
	if errors.Is(err, kernel.ErrNotListening) {
		return nil // it ended meanwhile: who waited is not known
	}
	if err == nil {
		e.Clients = listener.Known(c)
	}
	return err
}

// Close implements [View].
func (o *Own) Close() error {
	o.end()
	<-o.ended
	o.meter.On(false)
	return o.kernel.Close()
}
