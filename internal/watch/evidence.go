package watch

import (
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

// Inspect looks closer at the owners of l, whatever its verdict, and gives a copy
// with what it found: their threads, parents, descriptors. What they used is
// known only of owners that were followed since a suspicion; these are left as
// they are. It belongs to the goroutine that runs the watcher.
func (w *Watcher) Inspect(l *listener.Listener) (*listener.Listener, error) {
	if !slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return o.Evidence == nil }) {
		return l, nil
	}
	w.readFor = readFor // somebody waits for this alone
	var pids []int
	for i := range l.Owners {
		pids = append(pids, l.Owners[i].PID)
	}
	if err := w.readProcesses(listener.Ask{All: true, Threads: pids}, nil, pids); err != nil {
		return nil, err
	}
	things, err := w.thingsOf(pids)
	if err != nil {
		return nil, err
	}
	return w.gather(&entry{l: l}, w.inspect(pids, things)), nil
}
