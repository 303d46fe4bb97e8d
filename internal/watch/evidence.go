package watch

import (
	"maps"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// How many threads of a process are told of, and with their stacks: a server may have
// tens of thousands.
const (
	maxThreads = 512
	maxStacks  = 64
)

// suspects are the owners of what is suspected, each once.
func (w *Watcher) suspects() []int {
	pids := make(map[int]bool)
	for _, e := range w.awake {
		if e.gone || !e.suspected {
			continue
		}
		for i := range e.l.Owners {
			pids[e.l.Owners[i].PID] = true
		}
	}
	return slices.Sorted(maps.Keys(pids))
}

// follow brings the owners of all suspects up to date at every look: who they are now,
// and what they have done since the suspicion began.
func (w *Watcher) follow() error {
	pids := w.suspects()
	if len(pids) == 0 {
		if w.lives == nil {
			return nil // nobody was followed, and nobody's calls are watched
		}
		w.lives, w.linked, w.leftOut = nil, nil, 0
		return w.watchCalls(nil)
	}
	picked, left := w.pick(pids)
	if err := w.readProcesses(listener.Ask{Threads: slices.Concat(picked, w.linked), Some: left}, pids, nil); err != nil {
		return err
	}
	if err := w.updateLives(picked, left); err != nil {
		return err
	}
	for _, e := range w.awake {
		if !e.gone && e.suspected && len(e.l.Owners) > 0 {
			w.followOwners(e)
		}
	}
	return nil
}

// thingsByPID is what processes hold: of those that are not here it is not known.
type thingsByPID map[int][]listener.Thing

func (w *Watcher) thingsOf(pids []int) (thingsByPID, error) {
	things, omitted, err := w.src.Things(pids)
	if err != nil {
		return nil, err
	}
	of := make(thingsByPID, len(pids))
	for _, pid := range pids {
		of[pid] = nil
	}
	for _, t := range things {
		of[t.PID] = append(of[t.PID], t)
	}
	for _, pid := range omitted {
		delete(of, pid)
	}
	return of, nil
}

func (w *Watcher) followOwners(e *entry) {
	next := *e.l
	next.Owners = make([]listener.Owner, 0, len(e.l.Owners))
	for i := range e.l.Owners {
		old := &e.l.Owners[i]
		p := w.processes[old.PID]
		if p == nil || p.Start != old.Start {
			continue // gone: the next census says who holds it now
		}
		o := w.ownerNow(old, p)
		ev := listener.Evidence{}
		if old.Evidence != nil {
			ev = *old.Evidence
		}
		ev.Usage, ev.Frozen, ev.Life, ev.Threads, ev.Total = w.usage(e, p), p.Frozen, w.lifeOf(e, p), w.threads[p.PID], p.ThreadCount
		o.Evidence = &ev
		next.Owners = append(next.Owners, o)
	}
	w.set(e, &next)
}

// usage is what a process has done since the suspicion began; unknown at first.
func (w *Watcher) usage(e *entry, p *listener.Process) listener.Maybe[listener.Usage] {
	f := w.lives[identityOf(p)]
	if f == nil || !e.suspected || !f.at.Equal(w.lastLook) {
		return listener.Maybe[listener.Usage]{}
	}
	first, known := e.baselines[identityOf(p)]
	if !known {
		if e.baselines == nil {
			e.baselines = make(map[identity]*totals)
		}
		first = new(totals)
		*first = f.totals
		e.baselines[identityOf(p)] = first
	}
	return f.since(first)
}

// inspection is what is found out about a process when somebody looks closer, once for
// all its listeners.
type inspection struct {
	threads  []listener.Thread
	parents  []listener.Parent
	tracer   string
	holds    listener.Holds
	locks    listener.Maybe[[]listener.Lock]
	pollless bool // it holds no epoll set
	answer   proc.Answer
	answered bool
}

// registered says whether one of its epoll sets has a listener. That it has no set
// tells the kernel, and nobody is asked.
func (up *inspection) registered(inode uint64) listener.Maybe[bool] {
	if up.pollless {
		return listener.Known(false)
	}
	if !up.answer.RegisteredKnown {
		return listener.Maybe[bool]{}
	}
	_, is := slices.BinarySearch(up.answer.Registered, inode)
	return listener.Known(is)
}

// locksOf are those that a process waits for.
func locksOf(pid int, all []proc.Lock) []listener.Lock {
	locks := []listener.Lock{}
	for _, l := range all {
		if l.Waiter == pid {
			locks = append(locks, listener.Lock{Kind: l.Kind, Holder: l.Holder})
		}
	}
	return locks
}

// inspect finds out about these processes what only suspects are asked. The last
// pass told of all processes, and of the threads of these.
func (w *Watcher) inspect(pids []int, things thingsByPID) map[int]*inspection {
	questions := make([]proc.Question, 0, len(pids))
	ups := make(map[int]*inspection, len(pids))
	for _, pid := range w.fairly(pids) {
		p := w.processes[pid]
		_, known := things[pid]
		if p == nil || !known {
			continue
		}
		up := &inspection{parents: w.parents(pid), threads: threadsOf(p)}
		if tracer := w.processes[p.Tracer]; p.Tracer != 0 && tracer != nil {
			up.tracer = tracer.Comm
		}
		ups[pid] = up
		q := proc.Question{PID: pid, TID: p.Speaker, User: p.RealUID, What: proc.Limits | proc.Epolls}
		for _, t := range things[pid] {
			if t.Kind != listener.ThingEpoll {
				continue
			}
			q.EpollFD = append(q.EpollFD, t.FD)
			if t.Locked { // by one that hangs, maybe: the next census asks again
				q.What &^= proc.Epolls
			}
		}
		if up.pollless = len(q.EpollFD) == 0; up.pollless {
			q.What &^= proc.Epolls
		}
		up.holds = listener.HoldsOf(things[pid])
		questions = append(questions, q)
	}
	if len(questions) > 0 {
		questions = append(questions, proc.Question{What: proc.Locks})
	}
	w.locks = nil
	for pid, a := range w.read(questions) {
		switch {
		case pid != 0:
			ups[pid].answer, ups[pid].answered = a, true
		case a.LocksKnown:
			w.locks = a.Locks
			for pid, up := range ups {
				up.locks = listener.Known(locksOf(pid, a.Locks))
			}
		}
	}
	return ups
}

// threadsOf are the threads as they are told, the leader first; stacks come with 64 of
// them, with those in state D before all others: they need an explanation.
func threadsOf(p *listener.Process) []listener.Thread {
	threads := make([]listener.Thread, 0, min(len(p.Threads), maxThreads))
	for i := range p.Threads[:cap(threads)] {
		t := &p.Threads[i]
		thread := listener.Thread{TID: t.TID, Comm: t.Comm, State: t.State, Wchan: t.Wchan, Tracer: t.Tracer}
		if call, known := t.Call.Get(); known {
			thread.Syscall = listener.Known(call.Number)
		}
		threads = append(threads, thread)
	}
	left := maxStacks
	for _, uninterruptible := range []bool{true, false} {
		for i := range threads {
			if (threads[i].State == "D") == uninterruptible && left > 0 {
				threads[i].Stack = p.Threads[i].Stack
				left--
			}
		}
	}
	return threads
}

// gather looks closer at a suspect's owners, as often as a census is taken.
func (w *Watcher) gather(e *entry, ups map[int]*inspection) *listener.Listener {
	next := *e.l
	next.Owners = slices.Clone(next.Owners)
	for i := range next.Owners {
		o := &next.Owners[i]
		p, up := w.processes[o.PID], ups[o.PID]
		if p == nil || up == nil {
			o.Evidence = &listener.Evidence{}
			continue
		}
		ev := &listener.Evidence{
			Usage: w.usage(e, p), Frozen: p.Frozen, Life: w.lifeOf(e, p), Threads: up.threads, Total: p.ThreadCount,
			Unreadable: !up.answered, Parents: up.parents, TracerComm: up.tracer, Holds: listener.Known(up.holds), Locks: up.locks,
			Registered: up.registered(e.l.Inode),
		}
		if up.answer.FilesKnown {
			ev.FilesFull = listener.Known(up.answer.Files.AtLimit())
		}
		o.Evidence = ev
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
