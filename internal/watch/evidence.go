package watch

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// How many threads of a process are reported, and how many of them with their stacks: a
// server may have tens of thousands.
const (
	maxThreads = 512
	maxStacks  = 64
)

// Inspect gathers the evidence about the owners of l, whatever its verdict, and gives a
// copy of l with it: their threads, parents, descriptors. Owners that are followed since a
// suspicion have it already, with what they used since then, and stay as they are. It
// belongs to the goroutine that runs the watcher.
func (w *Watcher) Inspect(l *listener.Listener) (*listener.Listener, error) {
	if !slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return o.Evidence == nil }) {
		return l, nil
	}
	w.procs.readFor = readFor // somebody waits for this alone
	var pids []int
	for i := range l.Owners {
		pids = append(pids, l.Owners[i].PID)
	}
	if err := w.procs.pass(listener.Ask{All: true, Threads: pids}, nil, pids); err != nil {
		return nil, err
	}
	things, err := w.thingsOf(pids)
	if err != nil {
		return nil, err
	}
	return w.gather(&entry{l: l}, w.inspect(pids, things)), nil
}

// inspection is what was found out about one process, for all its listeners together.
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

// registered says whether one of its epoll sets has a listener. Where it has no set the
// kernel says so, and /proc is not asked.
func (one *inspection) registered(inode uint64) listener.Maybe[bool] {
	if one.pollless {
		return listener.Known(false)
	}
	if !one.answer.RegisteredKnown {
		return listener.Maybe[bool]{}
	}
	_, is := slices.BinarySearch(one.answer.Registered, inode)
	return listener.Known(is)
}

// inspect finds out about these processes what is asked about suspects alone. The last
// pass must have read all processes, and the threads of these.
func (w *Watcher) inspect(pids []int, things thingsByPID) map[int]*inspection {
	questions := make([]proc.Question, 0, len(pids))
	inspected := make(map[int]*inspection, len(pids))
	for _, pid := range w.suspects.fairly(pids) {
		p := w.procs.met[pid]
		_, known := things[pid]
		if p == nil || !known {
			continue
		}
		one := &inspection{parents: w.procs.parents(pid), threads: threadsOf(p)}
		if tracer := w.procs.met[p.Tracer]; p.Tracer != 0 && tracer != nil {
			one.tracer = tracer.Comm
		}
		inspected[pid] = one
		q := proc.Question{PID: pid, TID: p.Speaker, User: p.RealUID, What: proc.Limits | proc.Epolls}
		for _, t := range things[pid] {
			if t.Kind != listener.ThingEpoll {
				continue
			}
			q.EpollFD = append(q.EpollFD, t.FD)
			if t.Locked { // perhaps by one that hangs: the next census asks again
				q.What &^= proc.Epolls
			}
		}
		if one.pollless = len(q.EpollFD) == 0; one.pollless {
			q.What &^= proc.Epolls
		}
		one.holds = listener.HoldsOf(things[pid])
		questions = append(questions, q)
	}
	if len(questions) > 0 {
		questions = append(questions, proc.Question{What: proc.Locks})
	}
	w.suspects.locks = nil
	for pid, a := range w.procs.ask(questions) {
		switch {
		case pid != 0:
			inspected[pid].answer, inspected[pid].answered = a, true
		case a.LocksKnown:
			w.suspects.locks = a.Locks
			for pid, one := range inspected {
				one.locks = listener.Known(locksOf(pid, a.Locks))
			}
		}
	}
	return inspected
}

// locksOf gives the locks that a process waits for.
func locksOf(pid int, all []proc.Lock) []listener.Lock {
	locks := []listener.Lock{}
	for _, l := range all {
		if l.Waiter == pid {
			locks = append(locks, listener.Lock{Kind: l.Kind, Holder: l.Holder})
		}
	}
	return locks
}

// threadsOf gives the threads of a process as evidence, the leader first. At most
// maxStacks of them have a stack, those in state D before all others: they need an
// explanation most.
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

// gather gives a copy of a listener with the evidence about its owners.
func (w *Watcher) gather(e *entry, inspected map[int]*inspection) *listener.Listener {
	next := *e.l
	next.Owners = slices.Clone(next.Owners)
	for i := range next.Owners {
		o := &next.Owners[i]
		p, one := w.procs.met[o.PID], inspected[o.PID]
		if p == nil || one == nil {
			o.Evidence = &listener.Evidence{}
			continue
		}
		ev := &listener.Evidence{
			Usage: w.usage(e, p), Frozen: p.Frozen, Life: w.lifeOf(e, p), Threads: one.threads, Total: p.ThreadCount,
			Unreadable: !one.answered, Parents: one.parents, TracerComm: one.tracer, Holds: listener.Known(one.holds), Locks: one.locks,
			Registered: one.registered(e.l.Inode),
		}
		if one.answer.FilesKnown {
			ev.FilesFull = listener.Known(one.answer.Files.AtLimit())
		}
		o.Evidence = ev
	}
	return &next
}

// dismiss drops the evidence of a suspicion that has ended.
func (w *Watcher) dismiss(e *entry) {
	e.baselines = nil
	next := *e.l
	next.Owners = slices.Clone(next.Owners)
	for i := range next.Owners {
		next.Owners[i].Evidence = nil
	}
	w.table.set(e, &next)
}
