package main

import (
	"context"
	"errors"
	"sync"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// ownView looks for itself: once, or on and on until Close.
type ownView struct {
	kernel *kernel.Kernel
	watch  *watch.Watcher
	policy judge.Policy
	meter  *meter
	frames chan *report.Frame // the newest, if nobody has had it
	end    context.CancelFunc
	ended  chan struct{}
	failed error // good when ended is closed

	mu   sync.Mutex
	last *report.Frame
}

func (v *viewing) look(ctx context.Context, fs proc.FS, s *scope, p judge.Policy, goOn bool) (*ownView, error) {
	count := kernel.Count("")
	if goOn {
		count = kernel.CountAlways
	}
	k, w, err := v.observing.open(fs, s, count, !goOn)
	if err != nil {
		return nil, err
	}
	o := &ownView{kernel: k, watch: w, policy: p, meter: newMeter(k), frames: make(chan *report.Frame, 1), ended: make(chan struct{})}
	if goOn {
		o.meter.on(true)
	}
	first, err := w.Start()
	if err != nil {
		o.meter.on(false)
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
func (o *ownView) take(s *listener.Snapshot) {
	f := frame(s, judge.Judge(s, &o.policy, &judge.Past{}), &o.policy.Default, o.meter)
	o.mu.Lock()
	o.last = f
	o.mu.Unlock()
	select {
	case <-o.frames: // nobody wanted it
	default:
	}
	o.frames <- f
}

func (o *ownView) Next(ctx context.Context) (*report.Frame, error) {
	select {
	case f := <-o.frames:
		return f, nil
	case <-o.ended:
		return nil, o.failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o *ownView) Explain(ctx context.Context, c listener.Cookie, clients int) (*report.Explanation, error) {
	o.mu.Lock()
	f := o.last
	o.mu.Unlock()
	e, err := about(f, c)
	if err != nil {
		return nil, err
	}
	if !f.Watched {
		if e.Listener, err = o.watch.Closer(e.Listener); err != nil { // nobody else uses the watcher
			return nil, err
		}
	}
	return e, closer(ctx, e, o.kernel, o.watch, clients)
}

// closer adds what is sought only when somebody asks: who waits, and what the
// owners do.
func closer(ctx context.Context, e *report.Explanation, k *kernel.Kernel, w *watch.Watcher, clients int) error {
	if e.Watched {
		var err error
		asked := w.Ask(ctx, func() { e.Listener, err = w.Closer(e.Listener) })
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

func (o *ownView) Close() error {
	o.end()
	<-o.ended
	o.meter.on(false)
	return o.kernel.Close()
}
