package view

import (
	"context"
	"errors"

	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Daemons asks a daemon: for single frames, or for a stream of them, during which it
// counts every listener.
type Daemons struct {
	*feed.Client
	first  *wire.Frame
	stream *feed.Stream // nil: single ones
}

// Ask asks the daemon that serves at this path; goOn: for a stream of frames. The error
// wraps feed.ErrBusy where too many ask already.
func Ask(ctx context.Context, path string, goOn bool) (*Daemons, error) {
	d := &Daemons{Client: feed.NewClient(path)}
	var err error
	if goOn {
		if d.stream, err = d.Stream(ctx); err == nil {
			d.first, err = d.stream.Next()
		}
	} else {
		d.first, err = d.Snapshot(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Next implements [View].
func (d *Daemons) Next(ctx context.Context) (*wire.Frame, error) {
	if f := d.first; f != nil {
		d.first = nil
		return f, nil
	}
	if d.stream != nil {
		return d.stream.Next()
	}
	return d.Snapshot(ctx)
}

// Close implements [View].
func (d *Daemons) Close() error {
	var err error
	if d.stream != nil {
		err = d.stream.Close()
	}
	d.Client.Close()
	return err
}
