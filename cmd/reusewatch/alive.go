package main

import (
	"context"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// while gives a context that ends with ctx and with alive, and what must be called once
// it is no longer needed. Whoever asks a watcher asks so: one that has ended answers
// nobody.
func while(ctx, alive context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(alive, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// refreshing makes the watcher look at everything now, for as long as it is alive. Its
// error is that of the context, or of the look.
func refreshing(alive context.Context, w *watch.Watcher) func(context.Context) (*listener.Snapshot, error) {
	return func(ctx context.Context) (*listener.Snapshot, error) {
		ctx, cancel := while(ctx, alive)
		defer cancel()
		return w.Refresh(ctx)
	}
}
