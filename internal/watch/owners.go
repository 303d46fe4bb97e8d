package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// ownersOf are the processes that hold what the table has, and those of them that hold
// what is suspected.
func (w *Watcher) ownersOf(h *holdings) (all, suspects []int) {
	for _, e := range w.entries {
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
	if err := w.src.Seek(slices.Collect(maps.Keys(w.sought.objects))); err != nil {
		return err
	}
	h, ends := newHoldings(w.entries), newEnds(w.sought)
	err := w.src.Census(func(held *listener.Held) {
		h.add(held)
		ends.add(held)
	})
	if err != nil {
		return err
	}
	h.settle()
	w.ends, w.lacking = ends, false
	w.readNames()
	w.keepOrigins()
	pids, suspects := w.ownersOf(h)
	picked, left := w.within(suspects)
	if err := w.meet(listener.Ask{All: true, Leaders: pids, Threads: slices.Concat(picked, w.linked)}, pids, suspects); err != nil {
		return err
	}
	w.noteExecs(pids)
	w.forgetNames()
	if err := w.live(picked, left); err != nil {
		return err
	}
	ups := w.lookCloser(picked, w.things)
	w.census, w.born = time.Now(), false
	processes, serves := make(map[int]listener.Owner), make(map[int]map[port]bool)
	for _, e := range w.entries {
		owners := make([]listener.Owner, 0, len(h.owners[e.l.Key]))
		at := portOf(e)
		for _, d := range h.owners[e.l.Key] {
			p := w.met[d.pid]
			if p == nil {
				continue // it went away since the census
			}
			o, known := processes[d.pid]
			if !known {
				o = w.owner(p)
				o.Image = w.imageOf(p)
				processes[d.pid], serves[d.pid] = o, h.serves(d.pid)
			}
			o.FD, o.Made = listener.Known(d.fd), d.made
			o.Connections = listener.Known(h.connections[d.pid][at])
			elsewhere := len(serves[d.pid])
			if serves[d.pid][at] {
				elsewhere--
			}
			o.AcceptedElsewhere = listener.Known(elsewhere > 0)
			owners = append(owners, o)
		}
		next := *e.l
		next.Owners, next.OwnersKnown = owners, true
		next.NetnsName = w.names[next.Netns]
		next.Waiters = h.epolls.holders(next.Waiters)
		w.set(e, &next)
		if e.suspected {
			w.set(e, w.gather(e, ups))
		}
	}
	w.sets = h.epolls
	w.relate(nil)
	return nil
}

// assumeOwner takes the caller of listen() for the owner until a census knows.
func (w *Watcher) assumeOwner(e *entry) {
	caller, known := e.l.Caller.Get()
	if !known || e.l.OwnersKnown {
		return
	}
	p := w.met[caller.PID]
	if p == nil {
		return // it went away, or handed the listener on
	}
	next := *e.l
	next.Owners = []listener.Owner{w.owner(p)}
	w.set(e, &next)
}
