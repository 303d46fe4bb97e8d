package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// publish takes a snapshot: it is judged, shown and told of, and acted on.
func (d *daemon) publish(ctx context.Context, s *listener.Snapshot, changes []watch.Change) {
	js, same := d.judgeAgain(s)
	d.show(s, js)
	switch {
	case !same:
		d.tell(ctx, s, js, changes)
		d.notify.status(statusLine(s.Tier, js, d.inForce().Scope))
	case d.changes.Due(time.Now()):
		d.emit(d.changes.Update(time.Now(), d.left(js))...)
	}
	d.tellUnread(s.Unread)
	d.tellLeftOut(s.LeftOut)
	d.notify.tick()
	d.export(s, js)
}

// tellUnread says once whose processes are not asked any more, and by that not acted on.
func (d *daemon) tellUnread(users []uint32) {
	for _, user := range users {
		if !slices.Contains(d.unread, user) {
			d.log.Warn("processes of this user hang whoever reads of them in /proc: they are not asked for up to 10 min, and what is not known holds", "uid", user)
		}
	}
	d.unread = users
}

// tellLeftOut says that some suspects are not followed, once until all are again.
func (d *daemon) tellLeftOut(processes int) {
	if processes > 0 && !d.leftOut {
		d.log.Warn("not all suspected processes are followed at each look: they are too many, or hold too much; what is not known of them holds", "left-out", processes)
	}
	d.leftOut = processes > 0
}

// tell tells of everything that is new, and acts.
func (d *daemon) tell(ctx context.Context, s *listener.Snapshot, js []listener.Judgement, changes []watch.Change) {
	if d.record != nil {
		d.exporter.unrecorded(d.record.add(s, js))
	}
	began := judgedOf(js, changes)
	for _, c := range changes {
		if !c.Began {
			d.emit(d.changes.Ended(c.At, c.Listener)...)
		} else if j := began[c.Listener.Cookie]; j != nil {
			d.emit(d.changes.Began(c.At, j)...)
		}
	}
	d.emit(d.changes.Update(time.Now(), d.left(js))...)
	for _, j := range js {
		if j.Decision != nil && (j.Decision.Act == listener.Kill || j.Decision.Act == listener.Close) {
			d.act(ctx, j)
		}
	}
}

// judgedOf finds what is judged of those that began.
func judgedOf(js []listener.Judgement, changes []watch.Change) map[listener.Cookie]*listener.Judgement {
	of := make(map[listener.Cookie]*listener.Judgement)
	for _, c := range changes {
		if c.Began {
			of[c.Listener.Cookie] = nil
		}
	}
	if len(of) == 0 {
		return nil
	}
	for i := range js {
		if _, began := of[js[i].Cookie]; began {
			of[js[i].Cookie] = &js[i]
		}
	}
	return of
}

// left are the judgements but for those of listeners that an act is about: what
// it does to them is told as the act.
func (d *daemon) left(js []listener.Judgement) []listener.Judgement {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.about) == 0 {
		return js
	}
	return slices.DeleteFunc(slices.Clone(js), func(j listener.Judgement) bool { return d.about[j.Cookie] })
}

// emit writes events; whoever reads them gone is the end of the run.
func (d *daemon) emit(events ...report.Event) {
	for _, e := range events {
		d.exporter.event(e)
	}
	if err := d.write(events); err != nil {
		d.fail(err)
	}
}

// write writes them in one go, each whatever became of the one before it. The lock
// is held meanwhile, and the watcher waits for it: an outlet waits for nobody.
func (d *daemon) write(events []report.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.told.err()
	if n := d.told.left(); n > 0 {
		dropped := report.Event{Time: time.Now(), Kind: report.Dropped, Count: n}
		d.exporter.event(dropped)
		first = errors.Join(first, d.stream.Write(dropped))
	}
	for _, e := range events {
		if err := d.stream.Write(e); err != nil && first == nil {
			first = err
		}
	}
	return first
}
