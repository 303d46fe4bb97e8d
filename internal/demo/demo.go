// Package demo shows the fault and its end on a machine that has neither: in a
// network namespace of its own it starts a server that hangs beside one that
// works, and clients of both, and lets the real `reusewatch run` find and end
// the one that hangs. Nothing of it is left behind, however it ends.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// measured is how long clients are counted before and after the act.
	measured = 5 * time.Second
	// settling is how long the last of them may take to have an outcome.
	settling = clientGiveUp + 3*time.Second
	// look is how often the demo looks at what has come in.
	look = 100 * time.Millisecond
)

// Options of Run.
type Options struct {
	Out  io.Writer
	Exe  string   // reusewatch itself
	Role []string // arguments that make it call Play; the name of the role follows
	Tier string   // the highest that reusewatch run may use; "" is any
	BTF  string   // its --btf; "" for none
}

// Run plays the demo. An error says what did not come true.
func Run(ctx context.Context, opts Options) error {
	began := time.Now()
	s, err := openStage()
	if err != nil {
		return err
	}
	p := newPrinter(opts.Out)
	d := &demo{opts: opts, p: p, stage: s}
	end, err := d.play(ctx)
	left := d.strike()
	p.end()
	switch {
	case left != nil:
		return errors.Join(err, left)
	case ctx.Err() != nil:
		return errors.New("the demo was interrupted; nothing of it is left")
	case err != nil:
		return err
	}
	tellEnd(p, end, time.Since(began))
	return p.err
}

// demo is one performance.
type demo struct {
	opts  Options
	p     *printer
	stage *stage
	tally tally

	older, newer *actor
	clients      *actor
	watcher      *actor
}

// outcomes of the requests begun before, between and after.
type outcomes struct{ before, between, after counts }

func (d *demo) play(ctx context.Context) (*outcomes, error) {
	tellTitle(d.p)
	if err := d.setUp(ctx); err != nil {
		return nil, err
	}
	d.p.step(2, "Before: clients hang, and no alarm goes off")
	before, err := d.measure(ctx, d.older, d.newer, d.clients)
	if err != nil {
		return nil, err
	}
	tellBefore(d.p, &before.counts)
	st, err := d.watch(ctx)
	if err != nil {
		return nil, err
	}
	d.p.step(4, "After: the same clients go on")
	after, err := d.measure(ctx, d.newer, d.clients, d.watcher)
	if err != nil {
		return nil, err
	}
	tellAfter(d.p, &after.counts)
	between, err := d.tally.of(before.to, after.from)
	if err != nil {
		return nil, err
	}
	by, _ := d.older.killedBy()
	end := scene{
		story: st, before: &before.counts, after: &after.counts,
		endedBy: by, newAlive: d.newer.alive(), newPID: d.newer.pid(),
	}
	return &outcomes{before.counts, between, after.counts}, end.check()
}

// phase is a while in which requests were begun, and what became of them.
type phase struct {
	from, to time.Time
	counts
}

// measure lets the clients go on for a while, and waits for the outcome of the
// last request that they begin in it.
func (d *demo) measure(ctx context.Context, needed ...*actor) (phase, error) {
	p := phase{from: time.Now()}
	p.to = p.from.Add(measured)
	for {
		var err error
		if p.counts, err = d.tally.of(p.from, p.to); err != nil {
			return p, err
		}
		switch now := time.Now(); {
		case now.After(p.to) && p.open == 0:
			return p, nil
		case now.After(p.to.Add(settling)):
			return p, fmt.Errorf("%d requests have no outcome %s after the last was begun", p.open, settling)
		}
		d.p.now("%d requests so far: %d answered, %d hung", p.begun, p.answered, p.hung)
		if err := d.pause(ctx, needed...); err != nil {
			return p, err
		}
	}
}

// pause waits a moment. The demo cannot go on when one who is needed has ended.
func (d *demo) pause(ctx context.Context, needed ...*actor) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(look):
	}
	for _, a := range needed {
		if !a.alive() {
			return a.unexpected()
		}
	}
	return d.p.err
}

// strike ends everybody and waits until they are gone.
func (d *demo) strike() error {
	var err error
	if d.watcher != nil && d.watcher.alive() {
		err = d.watcher.stop(watcherGrace)
	}
	return errors.Join(err, d.stage.close())
}
