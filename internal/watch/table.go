package watch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// table is all listeners. They are replaced and never changed, for snapshots share them.
type table struct {
	entries map[listener.Key]*entry
	order   []*entry             // in the order of snapshots; nil: to be sorted anew
	listed  []*listener.Listener // the list of the last snapshot
	changed bool                 // some listener was replaced since then
	awake   []*entry             // those that a step goes through: all others stand idle
	sharing bool                 // some listeners got connections in the last minute
	changes []Change             // since the last snapshot
}

// happened gives what began and ended, once.
func (t *table) happened() []Change {
	changes := t.changes
	t.changes = nil
	return changes
}

// set gives an entry another listener: the next snapshot shows it, and the next step goes
// through the entry. Before the first snapshot no one else has the old listener, which is
// overwritten: replacing whole tables of them would leave a heap of holes.
func (t *table) set(e *entry, l *listener.Listener) {
	if t.listed == nil && e.announced {
		*e.l = *l
	} else {
		e.l = l
	}
	t.changed = true
	if !e.awake {
		e.awake = true
		t.awake = append(t.awake, e)
	}
}

// dropIdle leaves idle entries out of later steps, until they are given another listener.
func (w *Watcher) dropIdle() {
	w.table.awake = slices.DeleteFunc(w.table.awake, func(e *entry) bool {
		e.awake = !e.gone && (e.suspected || e.generations || e.l.Queue > 0 || w.young(e) || w.newborn(e))
		return !e.awake
	})
}

// readCallers passes over the tasks once for all births of a look: a process that called
// listen() may be gone a moment later.
func (w *Watcher) readCallers(events []listener.Event) error {
	var callers []int
	for _, ev := range events {
		if ev.Kind == listener.ListenBegan {
			callers = append(callers, ev.PID)
		}
	}
	if len(callers) == 0 {
		return nil
	}
	if err := w.procs.pass(listener.Ask{All: true, Leaders: callers}, callers, nil); err != nil {
		return err
	}
	w.procs.noteExecs(callers)
	return nil
}

// applyEvent enters a birth or death into the table. A birth is announced only once a look
// has confirmed it: a listen() that fails shows both.
func (w *Watcher) applyEvent(ev listener.Event) {
	if e := w.table.entries[ev.Key]; e != nil && (e.l.Cookie != ev.Cookie || ev.Kind == listener.ListenEnded) {
		w.table.forget(ev.Key, e, ev.At)
	}
	if ev.Kind == listener.ListenEnded {
		return
	}
	e := w.table.entries[ev.Key]
	if e == nil {
		e = &entry{l: &listener.Listener{FirstSeen: ev.At}}
		w.table.entries[ev.Key] = e
		w.table.order = nil
	}
	next := *e.l
	next.Key, next.Cookie = ev.Key, ev.Cookie
	next.Caller = listener.Rarely(listener.Caller{PID: ev.PID, UID: ev.UID, Comm: ev.Comm, Parents: w.procs.parents(ev.PID)})
	next.ListenedAt, next.BornSinceBoot = listener.Rarely(ev.At), listener.Rarely(ev.SinceBoot)
	e.caller, e.execs = ev.PID, ev.Execs
	w.table.set(e, &next)
	w.born = true
}

func (t *table) forget(key listener.Key, e *entry, at time.Time) {
	delete(t.entries, key)
	e.gone = true
	if e.l.AcceptedAmong.IsKnown() {
		t.doubt(e.l.Group)
	}
	t.order = nil
	if e.announced {
		t.changes = append(t.changes, Change{At: at, Listener: e.l})
	}
}

// doubt clears in a group the sign that one of several members accepted: it may be the
// member that left.
func (t *table) doubt(group listener.GroupKey) {
	for _, e := range t.entries {
		if e.l.Group == group && e.l.AcceptedAmong.IsKnown() {
			next := *e.l
			next.AcceptedAmong = listener.Rare[time.Time]{}
			t.set(e, &next)
		}
	}
}

// applyLook enters what a look saw into the table.
func (w *Watcher) applyLook(look listener.Look) {
	elapsed := time.Duration(0)
	if !w.lastLook.IsZero() {
		elapsed = look.At.Sub(w.lastLook)
	}
	w.lastLook = look.At
	if look.Restarted {
		w.restart(look.At)
	}
	var seen map[listener.Key]bool
	if look.Complete {
		seen = make(map[listener.Key]bool, len(look.Samples))
	}
	blank := &listener.Listener{FirstSeen: look.At}
	for i := range look.Samples {
		s := &look.Samples[i]
		if look.Complete {
			if seen[s.Key] {
				continue // its namespace was found by two names
			}
			seen[s.Key] = true
		}
		e := w.table.entries[s.Key]
		if e != nil && e.l.Cookie != s.Cookie {
			w.table.forget(s.Key, e, look.At)
			e = nil
		}
		if e == nil {
			e = &entry{l: blank}
			w.table.entries[s.Key] = e
			w.table.order = nil
			w.born = true
		}
		if e.same(s) {
			continue
		}
		e.sample(*s, look.At, elapsed, w.opts.Interval, !w.opts.CountsSince.IsZero() && s.ListenedAt.IsKnown())
		w.table.set(e, e.l)
		w.table.sharing = w.table.sharing || e.tally != nil && e.tally.recent.known
		w.fillNames(e)
		e.l.Waiters = w.sets.holders(e.l.Waiters)
		if !e.announced {
			e.announced = true
			w.assumeOwner(e)
			w.table.changes = append(w.table.changes, Change{Began: true, At: look.At, Listener: e.l})
		}
	}
	if !look.Complete {
		return
	}
	for key, e := range w.table.entries {
		if !seen[key] {
			w.table.forget(key, e, look.At)
		}
	}
}

// restart drops all counts, and what the kernel side was asked to count.
func (w *Watcher) restart(at time.Time) {
	if !w.opts.CountsSince.IsZero() {
		w.opts.CountsSince = at
	}
	w.counting.n, w.table.sharing = 0, true
	for _, e := range w.table.entries {
		e.tally, e.sampled = nil, true
		next := *e.l
		next.Queued, next.CountedSince = listener.Count{}, listener.Rare[time.Time]{}
		w.table.set(e, &next)
	}
}

// fillNames fills in the names of the namespace and the group, and since when it is counted.
func (w *Watcher) fillNames(e *entry) {
	l := e.l
	name, known := w.netnsNames[l.Netns]
	if !known {
		w.readNetnsNames()
		name = w.netnsNames[l.Netns]
		w.netnsNames[l.Netns] = name // one without a name is not sought again
	}
	l.NetnsName = name
	l.GroupName = groupName(&l.Sample)
	if !l.Queued.IsKnown() {
		l.CountedSince = listener.Rare[time.Time]{}
		if e.tally != nil {
			e.tally.since = time.Time{}
		}
		return
	}
	t := e.counted()
	if t.since.IsZero() {
		t.since = w.countsSince(e)
	}
	if since, known := l.CountedSince.Get(); !known || !since.Equal(t.since) {
		l.CountedSince = listener.Rarely(t.since)
	}
}

// countsSince gives when the counting of a listener began, which this look saw counted for
// the first time.
func (w *Watcher) countsSince(e *entry) time.Time {
	if w.opts.CountsSince.IsZero() {
		return e.counted().began
	}
	if born, known := e.l.ListenedAt.Get(); known && born.After(w.opts.CountsSince) {
		return born
	}
	return w.opts.CountsSince
}

func (w *Watcher) readNetnsNames() {
	names, err := w.opts.Mounts.Names()
	if err != nil {
		return
	}
	// Namespaces without a name stay: they are not to be sought again at each look.
	maps.DeleteFunc(w.netnsNames, func(_ uint32, name string) bool { return name != "" })
	maps.Copy(w.netnsNames, names)
}

// groupName is "NETNS/FAMILY/ADDR:PORT", "" for a listener without SO_REUSEPORT.
func groupName(s *listener.Sample) string {
	if s.Group == 0 || !s.Reuseport {
		return ""
	}
	name := fmt.Sprintf("%d/%s/%s", s.Netns, listener.AddrFamily(s.Local.Addr()), s.Local)
	if s.Device != 0 {
		name += fmt.Sprintf("%%%d", s.Device)
	}
	return name
}
