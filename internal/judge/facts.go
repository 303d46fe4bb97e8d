package judge

import (
	"slices"
	"strings"

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
	stuck    []*facts        // of the whole host
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
			return nil // of this waiter nobody knows whose it is
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

// worker is the one owner that was seen to wait, if all the others do is to be
// its parent. With a second worker nobody knows which of the two should accept.
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

// fresh: accepted nothing since a listen() that we saw and counted from; or
// nobody ever waited on it in the window and nobody holds a connection of its
// port. A spinning process is of the served class, whatever its past.
func (f *facts) fresh() bool {
	if f.some(spinning) {
		return false
	}
	if f.neverPolled() {
		return true
	}
	accepted, counted := f.l.Accepted.Get()
	return f.l.ListenedAt.IsKnown() && countedFromBirth(f.l) && counted && accepted == 0 &&
		!f.l.LastAccept.IsKnown() && f.holdsNoConnection()
}

// neverPolled: no waiter of any kind in any sample of the window, which the
// owners' own epoll sets confirm, and no accepted connection of that port.
func (f *facts) neverPolled() bool {
	w := f.l.Window
	return f.l.OwnersKnown && w.Samples >= enough && w.Walked >= w.Samples-1 && w.Waited == 0 &&
		!f.l.LastAccept.IsKnown() && f.holdsNoConnection() && !f.some(mayBeRegistered)
}

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

// holdsNoConnection: no owner holds an accepted connection of this port.
func (f *facts) holdsNoConnection() bool {
	for i := range f.l.Owners {
		if n, known := f.l.Owners[i].Connections.Get(); !known || n > 0 {
			return false
		}
	}
	return true
}

// members of the group, the listener among them.
func (f *facts) members() []*listener.Listener {
	ms := []*listener.Listener{f.l}
	for m := range f.snap.Siblings(f.l) {
		ms = append(ms, m)
	}
	return ms
}

// accepting are the siblings that accepted in the window.
func (f *facts) accepting() []*listener.Listener {
	var siblings []*listener.Listener
	for m := range f.snap.Siblings(f.l) {
		if acceptedSince(m, f.l.Window.Since) {
			siblings = append(siblings, m)
		}
	}
	return siblings
}

func usage(o *listener.Owner) (listener.Usage, bool) {
	if o.Evidence == nil {
		return listener.Usage{}, false
	}
	return o.Evidence.Usage.Get()
}

func traced(o *listener.Owner) bool  { return o.Tracer != 0 || o.State == "t" }
func stopped(o *listener.Owner) bool { return o.State == "T" }

// frozen: a cgroup says so, or a thread sleeps where the freezers let it: v1 in
// __refrigerator, v2 in do_freezer_trap or the get_signal that it is inlined into,
// while its state reads S.
func frozen(o *listener.Owner) bool {
	if inFreezer(o.Wchan) {
		return true
	}
	if o.Evidence == nil {
		return false
	}
	return o.Evidence.Frozen.Or(false) ||
		slices.ContainsFunc(o.Evidence.Threads, func(t listener.Thread) bool { return inFreezer(t.Wchan) })
}

func inFreezer(wchan string) bool {
	return strings.Contains(wchan, "refrigerator") || strings.Contains(wchan, "freezer") || wchan == "get_signal"
}

func starved(o *listener.Owner) bool {
	u, known := usage(o)
	return known && u.Starved()
}

func spinning(o *listener.Owner) bool {
	u, known := usage(o)
	return known && u.Spinning()
}

// busy: it makes progress, or nobody has measured yet that it makes none.
func busy(o *listener.Owner) bool {
	u, known := usage(o)
	return !known || u.Progress()
}

// polls says whether some thread sleeps in epoll, poll or select; unknown
// threads might.
func polls(o *listener.Owner) bool {
	if o.Evidence == nil || len(o.Evidence.Threads) < o.Evidence.Total || o.Evidence.Total == 0 {
		return true
	}
	return slices.ContainsFunc(o.Evidence.Threads, func(t listener.Thread) bool {
		unread := t.Wchan == "" && (t.State == "S" || t.State == "D")
		return unread || strings.Contains(t.Wchan, "poll") || strings.Contains(t.Wchan, "do_select")
	})
}

// atLimit: nobody waits on the listener, and yet its owner polls and holds
// connections: it took the listener out of polling on purpose, as haproxy does
// at maxconn. A server that lost its acceptor thread looks just the same.
func (f *facts) atLimit() bool {
	if f.l.Window.Armed > 0 || f.holdsNoConnection() {
		return false
	}
	return f.some(polls)
}
