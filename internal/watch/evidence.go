package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// baseline is what a process had done when it came under suspicion.
type baseline struct {
	at       time.Time
	activity proc.Activity
	sched    proc.Sched
	throttle proc.Throttle
	latest   proc.Sched // of the last look
}

func (w *Watcher) measure(pid int) (baseline, error) {
	activity, err := w.opts.Proc.Activity(pid)
	if err != nil {
		return baseline{}, err
	}
	sched, err := w.opts.Proc.Sched(pid)
	if err != nil {
		return baseline{}, err
	}
	throttle, err := w.opts.Proc.Throttled(pid)
	return baseline{at: w.last, activity: activity, sched: sched, throttle: throttle}, err
}

// follow brings a suspect's owners up to date at every look: who they are now,
// and what they have done since the suspicion began.
func (w *Watcher) follow(e *entry) {
	if len(e.l.Owners) == 0 {
		return
	}
	next := *e.l
	next.Owners = make([]listener.Owner, 0, len(e.l.Owners))
	for _, old := range e.l.Owners {
		o, err := w.process(old.PID)
		if err != nil || o.Start != old.Start {
			continue // gone: the next census says who holds it now
		}
		o.FD, o.Connections, o.AcceptedElsewhere, o.Origin = old.FD, old.Connections, old.AcceptedElsewhere, old.Origin
		ev := listener.Evidence{}
		if old.Evidence != nil {
			ev = *old.Evidence
		}
		ev.Usage = w.usage(e, o.PID)
		ev.Frozen = w.frozen(o.PID)
		o.Evidence = &ev
		next.Owners = append(next.Owners, o)
	}
	w.set(e, &next)
}

// gather looks closer at a suspect's owners, as often as a census is taken.
func (w *Watcher) gather(e *entry) *listener.Listener {
	next := *e.l
	next.Owners = slices.Clone(next.Owners)
	for i := range next.Owners {
		o := &next.Owners[i]
		ev := &listener.Evidence{Usage: w.usage(e, o.PID), Frozen: w.frozen(o.PID)}
		o.Evidence = ev
		if threads, total, err := w.opts.Proc.Threads(o.PID); err == nil {
			ev.Total = total
			for _, t := range threads {
				ev.Threads = append(ev.Threads, listener.Thread{
					TID: t.TID, Comm: t.Comm, State: string(t.State), Wchan: t.Wchan, Stack: t.Stack,
				})
			}
		}
		if registered, err := w.opts.Proc.InEpoll(o.PID, e.l.Inode); err == nil {
			ev.Registered = listener.Known(registered)
		}
		if files, err := w.opts.Proc.Files(o.PID); err == nil {
			ev.FilesFull = listener.Known(files.AtLimit())
		}
		ev.Parents = w.parents(o.PID)
		if o.Tracer != 0 {
			if tracer, err := w.opts.Proc.Process(o.Tracer); err == nil {
				ev.TracerComm = tracer.Comm
			}
		}
	}
	return &next
}

// dismiss forgets the evidence of a suspicion that has ended.
func (w *Watcher) dismiss(e *entry) {
	e.baselines = nil
	next := *e.l
	next.Owners = slices.Clone(next.Owners)
	for i := range next.Owners {
		next.Owners[i].Evidence = nil
	}
	w.set(e, &next)
}

// usage is what a process has done since the suspicion began; unknown at first.
func (w *Watcher) usage(e *entry, pid int) listener.Maybe[listener.Usage] {
	unknown := listener.Maybe[listener.Usage]{}
	now, err := w.measure(pid)
	if err != nil || !e.suspected {
		return unknown
	}
	first, known := e.baselines[pid]
	now.sched.Follow(first.latest, now.at)
	if !known {
		if e.baselines == nil {
			e.baselines = make(map[int]baseline)
		}
		first = now
	}
	first.latest = now.sched
	e.baselines[pid] = first
	over := now.at.Sub(first.at)
	if over <= 0 || !now.activity.IOKnown || !now.sched.Known {
		return unknown
	}
	return listener.Known(listener.Usage{
		Over: over, User: ticks(now.activity.UserTicks, first.activity.UserTicks),
		System:       ticks(now.activity.SystemTicks, first.activity.SystemTicks),
		MajorFaults:  grown(now.activity.MajorFaults, first.activity.MajorFaults),
		IOBytes:      now.activity.Moved(first.activity),
		RunnableWait: now.sched.WaitShare(first.sched, over),
		Throttled:    now.throttle.Since(first.throttle) > 0,
	})
}

// ticks are a hundredth of a second on every Linux that Go runs on (USER_HZ).
func ticks(now, first uint64) time.Duration {
	return time.Duration(grown(now, first)) * (time.Second / 100)
}

func grown(now, first uint64) uint64 {
	if now < first {
		return 0
	}
	return now - first
}

func (w *Watcher) frozen(pid int) listener.Maybe[bool] {
	if frozen, known := w.opts.Proc.Frozen(pid); known {
		return listener.Known(frozen)
	}
	return listener.Maybe[bool]{}
}

func (w *Watcher) parents(pid int) []listener.Parent {
	chain, err := w.opts.Proc.Parents(pid)
	if err != nil {
		return nil
	}
	parents := make([]listener.Parent, len(chain))
	for i, p := range chain {
		parents[i] = listener.Parent{PID: p.PID, Comm: p.Comm, UID: p.UID}
	}
	return parents
}
