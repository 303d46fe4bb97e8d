package judge

import (
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// facts is all there is to weigh about one stuck listener.
type facts struct {
	snap     *listener.Snapshot
	l        *listener.Listener
	policy   *Policy
	settings Settings
	past     *Past
	index    int
	culprit  *listener.Owner // nil: unknown
	stuck    []*facts        // of all stuck listeners of the host
	within   time.Duration   // how far back signs of life are sought
	signs    []listener.SignSeen
	classed  listener.Class
	siblings []*listener.Listener // of the processes that an act would touch, once the signs are known
}

// culprit is the owner that should accept and does not. Of several holders it
// is the one whose epoll set the listener is in with nobody asleep behind it, or,
// if nobody waits in any way, the one that was seen to wait before: never the
// parent of another holder, for a master only hands on. Otherwise it is unknown.
func culprit(l *listener.Listener) *listener.Owner {
	if len(l.Owners) == 1 {
		return &l.Owners[0]
	}
	if l.Window.Slept > 0 || l.Window.Walked < enough {
		return nil
	}
	pid := 0
	for _, w := range l.Waiters {
		for _, holder := range w.Holders {
			if pid != 0 && holder != pid {
				return nil
			}
			pid = holder
		}
		if len(w.Holders) == 0 {
			return nil // nobody knows whose this waiter is
		}
	}
	if l.Window.Waited == 0 && len(l.Waiters) == 0 {
		return worker(l)
	}
	var found *listener.Owner
	for i := range l.Owners {
		switch {
		case l.Owners[i].PPID == pid:
			return nil
		case l.Owners[i].PID == pid:
			found = &l.Owners[i]
		}
	}
	return found
}

// worker is the one owner that was seen to wait, if every other owner is its parent. With
// a second worker nobody knows which of the two should accept.
func worker(l *listener.Listener) *listener.Owner {
	if len(l.Acceptors) != 1 {
		return nil
	}
	var found *listener.Owner
	for i := range l.Owners {
		if o := &l.Owners[i]; o.PID == l.Acceptors[0].PID && o.Start == l.Acceptors[0].Start {
			found = o
		}
	}
	if found == nil {
		return nil
	}
	for i := range l.Owners {
		if o := &l.Owners[i]; o != found && o.PID != found.PPID {
			return nil
		}
	}
	return found
}

// targets are the owners that an act would touch: the culprit, or, while it is
// unknown, any of them.
func (f *facts) targets() []*listener.Owner {
	if f.culprit != nil {
		return []*listener.Owner{f.culprit}
	}
	all := make([]*listener.Owner, len(f.l.Owners))
	for i := range f.l.Owners {
		all[i] = &f.l.Owners[i]
	}
	return all
}

func (f *facts) some(is func(*listener.Owner) bool) bool { return slices.ContainsFunc(f.targets(), is) }

func mayBeRegistered(o *listener.Owner) bool {
	if o.Evidence == nil {
		return true
	}
	registered, known := o.Evidence.Registered.Get()
	return !known || registered
}

func countedFromBirth(l *listener.Listener) bool {
	born, _ := l.ListenedAt.Get()
	since, known := l.CountedSince.Get()
	return known && !since.After(born)
}

// holdsNoConnection says that no owner holds an accepted connection of this port.
func (f *facts) holdsNoConnection() bool {
	for i := range f.l.Owners {
		if n, known := f.l.Owners[i].Connections.Get(); !known || n > 0 {
			return false
		}
	}
	return true
}

func usage(o *listener.Owner) (listener.Usage, bool) {
	if o.Evidence == nil {
		return listener.Usage{}, false
	}
	return o.Evidence.Usage.Get()
}

func traced(o *listener.Owner) bool {
	return o.Tracer != 0 || o.State == "t" || threads(o, func(t *listener.Thread) bool { return t.Tracer != 0 || t.State == "t" })
}

func stopped(o *listener.Owner) bool {
	return o.State == "T" || threads(o, func(t *listener.Thread) bool { return t.State == "T" })
}

func threads(o *listener.Owner, some func(*listener.Thread) bool) bool {
	return o.Evidence != nil && slices.ContainsFunc(o.Evidence.Threads, func(t listener.Thread) bool { return some(&t) })
}

// frozen says whether a process is frozen: its cgroup says so, or a thread sleeps where the
// freezers put it: v1 in __refrigerator, v2 in do_freezer_trap or in get_signal, which that
// may be inlined into, while its state reads S. Where no cgroup says it, the stacks of all
// its threads must be known.
func frozen(o *listener.Owner) listener.Maybe[bool] {
	if inFreezer(o.Wchan) || threads(o, func(t *listener.Thread) bool { return inFreezer(t.Wchan) }) {
		return yes()
	}
	if o.Evidence == nil {
		return unknown()
	}
	if is, known := o.Evidence.Frozen.Get(); known {
		return listener.Known(is)
	}
	unread := threads(o, func(t *listener.Thread) bool { return t.Wchan == "" && t.State != "R" })
	if unread || len(o.Evidence.Threads) < o.Evidence.Total || o.Evidence.Total == 0 {
		return unknown()
	}
	return no()
}

func inFreezer(wchan string) bool {
	return strings.Contains(wchan, "refrigerator") || strings.Contains(wchan, "freezer") || wchan == "get_signal"
}

// starved says that more CPU would let it accept; a process whose accepts all fail is not.
func (f *facts) starved(o *listener.Owner) bool {
	u, known := usage(o)
	return known && u.Starved() && !f.refused(o)
}

func spinning(o *listener.Owner) bool {
	u, known := usage(o)
	return known && u.Spinning()
}

// refused says that it calls accept() on this listener, which fails each time.
func (f *facts) refused(o *listener.Owner) bool {
	l, _ := life(o)
	still, known := l.Inert.Get()
	return known && still < f.within && l.Refused.N >= 2 && !limits(l.Refused.Errno)
}

// limits says whether an error of accept() ends by itself when others close something.
func limits(errno int) bool {
	return slices.Contains([]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}, syscall.Errno(errno))
}
