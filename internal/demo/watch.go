package demo

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What `reusewatch run` is told.
const (
	StuckAfter = 3 * time.Second
	Interval   = 200 * time.Millisecond
	actAfter   = 5 * time.Second
	termGrace  = 2 * time.Second
	// startupGrace is short: the sandbox has no server that takes long to start.
	startupGrace = 5 * time.Second
)

const (
	// attachWithin is how long it may take until it watches.
	attachWithin = time.Minute
	// actWithin is how long it may take from there to the end of its act.
	actWithin = 20 * time.Second
	// watcherGrace is how long it may take to end.
	watcherGrace = 3 * time.Second
)

// watchArgs are never without the network namespace: nothing outside it is acted on.
func (d *demo) watchArgs() []string {
	args := []string{
		"run", "--netns", strconv.FormatUint(uint64(d.stage.inode), 10), "--action", "kill",
		"--stuck-after", StuckAfter.String(), "--act-after", actAfter.String(),
		"--startup-grace", startupGrace.String(), "--term-grace", termGrace.String(),
		"--interval", Interval.String(), "-o", "json", "--state-dir=", // the host's budget is not the demo's
	}
	if d.opts.Tier != "" {
		args = append(args, "--tier", d.opts.Tier)
	}
	if d.opts.BTF != "" {
		args = append(args, "--btf", d.opts.BTF)
	}
	return args
}

// watch starts reusewatch run and tells what it says until it has acted.
func (d *demo) watch(ctx context.Context) (*story, error) {
	args := d.watchArgs()
	tellWatch(d.p, args)
	began := time.Now()
	var in inbox
	var err error
	d.watcher, err = d.stage.start("reusewatch run", exec.Command(d.opts.Exe, args...), in.line)
	if err != nil {
		return nil, err
	}
	st := &story{culprit: d.older.pid()}
	for {
		// Asked first: what it said before its end is read before that counts.
		ended := !d.watcher.alive()
		events, err := in.take()
		if err != nil {
			return nil, err
		}
		for i := range events {
			st.take(&events[i])
			tellEvent(d.p, &events[i], began)
		}
		switch {
		case st.over():
			return st, nil
		case ended:
			return nil, d.watcher.unexpected()
		case st.ready.IsZero() && time.Since(began) > attachWithin:
			return nil, fmt.Errorf("reusewatch does not watch after %s", attachWithin)
		case !st.ready.IsZero() && time.Since(st.ready) > actWithin:
			return nil, fmt.Errorf("reusewatch has not acted after %s; the last that it said was %q", actWithin, st.last)
		}
		d.p.now("%5.1f s", time.Since(began).Seconds())
		if err := d.pause(ctx, d.newer, d.clients); err != nil {
			return nil, err
		}
	}
}

// inbox keeps events until they are read.
type inbox struct {
	mu     sync.Mutex
	events []event
	err    error
}

func (in *inbox) line(b []byte) {
	e, err := readEvent(b)
	in.mu.Lock()
	defer in.mu.Unlock()
	if err != nil {
		in.err = err
		return
	}
	in.events = append(in.events, e)
}

func (in *inbox) take() ([]event, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	events := in.events
	in.events = nil
	return events, in.err
}

// tellWatch shows the command as one would type it.
func tellWatch(p *printer, args []string) {
	p.step(3, "reusewatch finds who hangs, says why, and ends it")
	p.item("$ ", bold, "reusewatch "+strings.Join(args, " "))
}
