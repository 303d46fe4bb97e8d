package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// publish takes a snapshot: it is judged, shown and told of, and acted on.
func (d *daemon) publish(ctx context.Context, s *listener.Snapshot, changes []watch.Change) {
	js, same := d.ruling.again(s)
	d.show(s, js)
	switch {
	case !same:
		d.tell(ctx, s, js, changes)
		d.notify.status(statusLine(s.Tier, js, d.ruling.inForce().Scope))
	case d.changes.Due(time.Now()):
		d.teller.emit(d.changes.Update(time.Now(), d.teller.left(js))...)
	}
	d.tellUnread(s.Unread)
	d.tellLeftOut(s.LeftOut)
	d.notify.tick()
	if d.exporter != nil {
		d.exporter.Publish(s, js, d.ruling.armed())
	}
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
	if d.recorder != nil {
		d.exporter.unrecorded(d.recorder.add(s, js))
	}
	began := judgedOf(js, changes)
	for _, c := range changes {
		if !c.Began {
			d.teller.emit(d.changes.Ended(c.At, c.Listener)...)
		} else if j := began[c.Listener.Cookie]; j != nil {
			d.teller.emit(d.changes.Began(c.At, j)...)
		}
	}
	d.teller.emit(d.changes.Update(time.Now(), d.teller.left(js))...)
	for _, j := range js {
		if j.Decision != nil && (j.Decision.Act == listener.Kill || j.Decision.Act == listener.Close) {
			d.acts.begin(ctx, j)
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
