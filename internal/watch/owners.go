package watch

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// ownersOf gives the processes that hold listeners of the table, and those of them that
// hold suspected ones.
func (w *Watcher) ownersOf(h *holdings) (all, suspects []int) {
	for _, e := range w.table.entries {
		for _, d := range h.owners[e.l.Key] {
			all = append(all, d.pid)
			if e.suspected {
				suspects = append(suspects, d.pid)
			}
		}
	}
	unique := func(pids []int) []int {
		slices.Sort(pids)
		return slices.Compact(pids)
	}
	return unique(all), unique(suspects)
}

// takeCensus finds the owners of every listener.
func (w *Watcher) takeCensus() error {
	if err := w.src.Seek(slices.Collect(maps.Keys(w.suspects.sought.objects))); err != nil {
		return err
	}
	h, ends := newHoldings(w.table.entries), newEnds(w.suspects.sought)
	err := w.src.Census(func(held *listener.Held) {
		h.add(held)
		ends.add(held)
	})
	if err != nil {
		return err
	}
	h.keepAccepted()
	w.suspects.ends, w.suspects.lacking = ends, false
	w.readNetnsNames()
	w.keepOrigins()
	pids, suspects := w.ownersOf(h)
	picked, left := w.suspects.pick(suspects)
	if err := w.procs.pass(listener.Ask{All: true, Leaders: pids, Threads: slices.Concat(picked, w.suspects.linked)}, pids, suspects); err != nil {
		return err
	}
	w.procs.noteExecs(pids)
	w.procs.forget()
	if err := w.updateLives(picked, left); err != nil {
		return err
	}
	inspected := w.inspect(picked, w.suspects.things)
	w.lastCensus, w.born = time.Now(), false
	w.assignOwners(h, inspected)
	w.sets = h.epolls
	w.relate(nil)
	return nil
}

// shownAs is a process as the listeners that it owns show it after a census.
type shownAs struct {
	*listener.Holder
	before *listener.Holder // the same from the last census; nil if that was different
	serves map[port]bool
}

// assignOwners gives each listener its owners. A listener whose owners are the same stays
// the very one that it was, with the states that its processes had then, unless it or a
// sibling is suspected: there are thousands of such listeners.
func (w *Watcher) assignOwners(h *holdings, inspected map[int]*inspection) {
	processes, suspected := make(map[int]*shownAs), make(map[listener.GroupKey]bool)
	for _, e := range w.table.awake {
		if e.suspected && e.l.Group != 0 {
			suspected[e.l.Group] = true
		}
	}
	shown := make(map[identity]*listener.Holder)
	show := func(p *listener.Process) *shownAs {
		s := processes[p.PID]
		if s == nil {
			s = &shownAs{Holder: w.procs.holder(p, w.procs.imageOf(p)), serves: h.serves(p.PID)}
			shown[identityOf(p)] = s.Holder
			if before := w.lastHolders[identityOf(p)]; before != nil && before.Like(s.Holder) {
				s.before, shown[identityOf(p)] = before, before
			}
			processes[p.PID] = s
		}
		return s
	}
	for _, e := range w.table.entries {
		fresh := e.suspected || suspected[e.l.Group]
		owners := make([]listener.Owner, 0, len(h.owners[e.l.Key]))
		for _, d := range h.owners[e.l.Key] {
			p := w.procs.met[d.pid]
			if p == nil {
				continue // it went away since the census
			}
			s := show(p)
			o := h.owner(&d, s, portOf(e))
			if !fresh && s.before != nil {
				o.Holder = s.before
			}
			owners = append(owners, o)
		}
		waiters := h.epolls.holders(e.l.Waiters)
		if !fresh && e.l.OwnersKnown && sameAs(e.l, owners) && e.l.NetnsName == w.netnsNames[e.l.Netns] && reflect.DeepEqual(waiters, e.l.Waiters) {
			continue
		}
		next := *e.l
		next.Owners, next.OwnersKnown = owners, true
		next.NetnsName = w.netnsNames[next.Netns]
		next.Waiters = waiters
		w.table.set(e, &next)
		if e.suspected {
			w.table.set(e, w.gather(e, inspected))
		}
	}
	w.lastHolders = shown
}

// owner describes a process as the holder of one listener.
func (h *holdings) owner(d *owner, s *shownAs, at port) listener.Owner {
	elsewhere := len(s.serves)
	if s.serves[at] {
		elsewhere--
	}
	return listener.Owner{
		Holder: s.Holder, FD: listener.Known(d.fd), Made: d.made,
		Connections:       listener.Known(h.connections[d.pid][at]),
		AcceptedElsewhere: listener.Known(elsewhere > 0),
	}
}

// sameAs says that a listener has these owners, whatever their origins.
func sameAs(l *listener.Listener, owners []listener.Owner) bool {
	return slices.EqualFunc(l.Owners, owners, func(a, b listener.Owner) bool {
		a.Origin = nil
		return a == b
	})
}

// assumeOwner makes the caller of listen() the owner, until a census finds the owners.
func (w *Watcher) assumeOwner(e *entry) {
	caller, known := e.l.Caller.Get()
	if !known || e.l.OwnersKnown {
		return
	}
	p := w.procs.met[caller.PID]
	if p == nil {
		return // it went away, or handed the listener on
	}
	next := *e.l
	next.Owners = []listener.Owner{{Holder: w.procs.holder(p, 0)}}
	w.table.set(e, &next)
}
