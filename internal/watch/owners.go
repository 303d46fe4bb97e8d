package watch

import (
	"cmp"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// port is what a connection's local end and a listener have in common.
type port struct {
	netns  uint32
	number uint16
}

// holdings is a census, by listener and by process.
type holdings struct {
	owners      map[listener.Key][]listener.Held // one a pid
	listens     map[int]map[port]bool            // ports that a process listens on
	connections map[int]map[port]int             // connections it holds, by local port
	epolls      sets
}

// sets are the pids that hold an epoll set.
type sets map[listener.Key][]int

// holders names the holders of the epoll sets that wait.
func (s sets) holders(waiters []listener.Waiter) []listener.Waiter {
	if len(waiters) == 0 {
		return nil // as the next look will tell it, if nothing changes
	}
	named := make([]listener.Waiter, len(waiters))
	for i, w := range waiters {
		switch {
		case w.Epoll != 0:
			w.Holders = s[w.Epoll]
		case w.PID != 0:
			w.Holders = []int{w.PID}
		}
		named[i] = w
	}
	return named
}

func tally(held []listener.Held) holdings {
	h := holdings{
		owners:      make(map[listener.Key][]listener.Held),
		listens:     make(map[int]map[port]bool),
		connections: make(map[int]map[port]int),
		epolls:      make(sets),
	}
	slices.SortFunc(held, func(a, b listener.Held) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD))
	})
	for _, d := range held {
		if d.Kind == listener.HeldSought {
			continue
		}
		p := port{d.Netns, d.Port}
		if d.Kind == listener.HeldEpoll {
			if pids := h.epolls[d.Key]; len(pids) == 0 || pids[len(pids)-1] != d.PID {
				h.epolls[d.Key] = append(pids, d.PID)
			}
			continue
		}
		if d.Kind == listener.HeldConnection {
			if h.connections[d.PID] == nil {
				h.connections[d.PID] = make(map[port]int)
			}
			h.connections[d.PID][p]++
			continue
		}
		if h.listens[d.PID] == nil {
			h.listens[d.PID] = make(map[port]bool)
		}
		h.listens[d.PID][p] = true
		// A process may hold it by several descriptors, and by those of a thread with its own table.
		if o := h.owners[d.Key]; len(o) == 0 || o[len(o)-1].PID != d.PID {
			h.owners[d.Key] = append(o, d)
		}
	}
	return h
}

// serves gives the ports that a process listens on and holds accepted connections of.
func (h *holdings) serves(pid int) map[port]bool {
	ports := make(map[port]bool)
	for p := range h.connections[pid] {
		if h.listens[pid][p] {
			ports[p] = true
		}
	}
	return ports
}

// ownersOf are the processes that hold what the table has, and those of them that hold
// what is suspected.
func (w *Watcher) ownersOf(h *holdings) (all, suspects []int) {
	for _, e := range w.entries {
		for _, d := range h.owners[e.l.Key] {
			all = append(all, d.PID)
			if e.suspected {
				suspects = append(suspects, d.PID)
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
	if err := w.src.Seek(w.sought); err != nil {
		return err
	}
	held, err := w.src.Census()
	if err != nil {
		return err
	}
	w.ends, w.lacking = endsOf(held, w.sought), false
	w.readNames()
	w.keepOrigins()
	h := tally(held)
	pids, suspects := w.ownersOf(&h)
	if err := w.meet(listener.Ask{All: true, Leaders: pids, Threads: slices.Concat(suspects, w.linked)}, pids, suspects); err != nil {
		return err
	}
	w.noteExecs(pids)
	w.forgetNames()
	if err := w.live(suspects); err != nil {
		return err
	}
	ups := w.lookCloser(suspects, w.things)
	w.census, w.born = time.Now(), false
	processes, serves := make(map[int]listener.Owner), make(map[int]map[port]bool)
	for _, e := range w.entries {
		owners := make([]listener.Owner, 0, len(h.owners[e.l.Key]))
		at := port{e.l.Netns, e.l.Port()}
		for _, d := range h.owners[e.l.Key] {
			p := w.met[d.PID]
			if p == nil {
				continue // it went away since the census
			}
			o, known := processes[d.PID]
			if !known {
				o = w.owner(p)
				o.Image = w.imageOf(p)
				processes[d.PID], serves[d.PID] = o, h.serves(d.PID)
			}
			o.FD, o.Made = listener.Known(d.FD), d.Made
			o.Connections = listener.Known(h.connections[d.PID][at])
			elsewhere := len(serves[d.PID])
			if serves[d.PID][at] {
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
