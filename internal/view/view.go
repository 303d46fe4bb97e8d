// Package view is what a host looks like to a command: as a daemon sees it, or as it sees it
// itself.
package view

import (
	"context"
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// View is what a command shows: what a daemon sees, or what it sees itself.
type View interface {
	// Next waits for the next frame: of all listeners, whatever the filters.
	Next(context.Context) (*wire.Frame, error)
	// Explain tells all about one; an error that wraps feed.ErrUnknown if there is none.
	Explain(ctx context.Context, c listener.Cookie, clients int) (*wire.Explanation, error)
	Close() error
}

// Latest gives the first frame, or, watching for a while, the last one of it.
func Latest(ctx context.Context, v View, period time.Duration) (*wire.Frame, error) {
	f, err := v.Next(ctx)
	for until := time.Now().Add(period); err == nil && time.Now().Before(until); {
		var next *wire.Frame
		limited, cancel := context.WithDeadline(ctx, until)
		next, err = v.Next(limited)
		cancel()
		switch {
		case err == nil:
			f = next
		case limited.Err() != nil && ctx.Err() == nil:
			return f, nil
		}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted: %w", ctx.Err())
	}
	return f, err
}

// About is what a frame tells of one of its listeners.
func About(f *wire.Frame, c listener.Cookie) (*wire.Explanation, error) {
	e := &wire.Explanation{Tier: f.Tier, Watched: f.Watched, Interval: f.Interval, Policy: f.Policy}
	for _, j := range f.Listeners {
		if j.Cookie == c {
			e.Judgement = j
			e.At = f.Time // it may have been judged before, and nothing came since
		}
	}
	if e.Listener == nil {
		return nil, fmt.Errorf("%w: %s", feed.ErrUnknown, c)
	}
	for _, j := range f.Listeners {
		if e.Reuseport && e.Group != 0 && j.Group == e.Group {
			j.At = f.Time
			e.Members = append(e.Members, j)
		}
	}
	return e, nil
}
