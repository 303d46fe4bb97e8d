package watch

import (
	"context"
	"errors"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// ErrEnded says that the watcher has ended and answers nobody any more.
var ErrEnded = errors.New("the watcher has ended")

// Ask runs f in the goroutine that runs the watcher, between two looks. The error is
// that of the context, or ErrEnded.
func (w *Watcher) Ask(ctx context.Context, f func()) error {
	return w.ask(ctx, func() *listener.Snapshot {
		f()
		return nil
	})
}

func (w *Watcher) ask(ctx context.Context, f func() *listener.Snapshot) error {
	done := make(chan struct{})
	ask := func() *listener.Snapshot {
		defer close(done)
		return f()
	}
	select {
	case w.asks <- ask:
		<-done
		return nil
	case <-w.ended:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Refresh makes the running watcher look at everything and everyone now, and
// returns what it saw.
func (w *Watcher) Refresh(ctx context.Context) (snap *listener.Snapshot, err error) {
	asked := w.ask(ctx, func() *listener.Snapshot {
		w.resync = true
		if err = w.look(); err == nil {
			err = w.takeCensus()
		}
		snap = w.snapshot()
		return snap
	})
	if asked != nil {
		return nil, asked
	}
	return snap, err
}
