package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// wanted is what a census is to find the holders of: pipes and unix sockets by their
// address, connections by the end that is to be found.
type wanted struct {
	objects     map[listener.Key]bool
	connections map[peering]bool
}

// peering is what the two ends of a connection on this host have in common, whatever
// translates their addresses: the ports, here and there.
type peering struct{ local, remote uint16 }

// ends are who holds what suspects wait for, as the last census told, and what those
// do themselves.
type ends struct {
	sought      wanted
	ports       map[uint16]bool                  // local ones of the connections that were sought
	holders     map[listener.Key][]listener.Held // of what was sought
	connections map[peering][]int                // pids
	listeners   map[uint16][]int                 // pids, by port
	processes   map[int]*listener.Process
	lives       map[identity]*life
}

func newEnds(sought wanted) ends {
	e := ends{
		sought: sought, ports: make(map[uint16]bool), holders: make(map[listener.Key][]listener.Held),
		connections: make(map[peering][]int), listeners: make(map[uint16][]int),
	}
	for at := range sought.connections {
		e.ports[at.local] = true
	}
	return e
}

// add takes what a census found.
func (e *ends) add(h *listener.Held) {
	switch h.Kind {
	case listener.HeldSought:
		e.holders[h.Key] = append(e.holders[h.Key], *h)
	case listener.HeldConnection:
		if at := (peering{h.Port, h.Peer}); e.sought.connections[at] {
			e.connections[at] = append(e.connections[at], h.PID)
		}
	case listener.HeldListener:
		if e.ports[h.Port] {
			e.listeners[h.Port] = append(e.listeners[h.Port], h.PID)
		}
	case listener.HeldEpoll: // of a set only its waiters are asked
	}
}

// pipe gives who but pid holds the read ends of a pipe, or the write ends, and whether
// those are all: an end may be in flight between two processes, or the kernel's own.
func (e *ends) pipe(on *listener.Thing, readers bool, pid int) ([]listener.End, bool) {
	files := make(map[listener.Key]bool)
	var pids []int
	for _, h := range e.holders[on.Object] {
		if readers && h.Reads || !readers && h.Writes {
			files[h.File] = true
			pids = append(pids, h.PID)
		}
	}
	there := on.Writers
	if readers {
		there = on.Readers
	}
	return e.all(pids, pid), len(files) > 0 && len(files) == there
}

func (e *ends) unix(on *listener.Thing, pid int) ([]listener.End, bool) {
	var pids []int
	for _, h := range e.holders[on.Peer] {
		pids = append(pids, h.PID)
	}
	return e.all(pids, pid), on.Peer != 0 && len(pids) > 0
}

// connection: of a TCP connection the other end may be on another host, or be reached by
// other ports. That nobody else holds it is known only where the process itself does.
func (e *ends) connection(on *listener.Thing, pid int) ([]listener.End, bool) {
	if pids := e.connections[otherEnd(on)]; len(pids) > 0 {
		return e.all(slices.Clone(pids), pid), true
	}
	// Who listens there may not have accepted it yet.
	return e.all(slices.Clone(e.listeners[on.Remote]), pid), false
}

func (e *ends) all(pids []int, but int) []listener.End {
	slices.Sort(pids)
	var all []listener.End
	for _, pid := range slices.Compact(pids) {
		if pid != but {
			all = append(all, e.end(pid))
		}
	}
	return all
}

// chainAfter is how long a process must have stood still for what it waits for to matter
// to who waits for it: one that works sleeps between two looks, too.
const chainAfter = 5 * time.Second

// end is a process at the other end, and where the chain of waits that it is in ends.
func (e *ends) end(pid int) listener.End {
	end := listener.End{PID: pid, Then: listener.ForNothing}
	p := e.processes[pid]
	if p == nil {
		return end
	}
	end.Comm = p.Comm
	end.Halted = halted(p)
	if f := e.lives[identityOf(p)]; f != nil && f.whole && f.clock-f.ran >= chainAfter {
		end.Then, end.Halted = f.chain(end.Halted)
	}
	return end
}

// chain is what a process that stands still waits for at last, and whether somebody in
// the chain is halted. Its own ends were followed one look earlier, so a chain is told
// whole after as many looks as it is long, and one that closes on itself ends there.
func (f *life) chain(isHalted bool) (listener.For, bool) {
	last := listener.ForNothing
	for i := range f.waits {
		w := &f.waits[i]
		if w.For == listener.ForTimer || w.For == listener.ForChild {
			last = w.For
		}
		for _, e := range w.Ends {
			isHalted = isHalted || e.Halted
			if e.Then == listener.ForTimer || e.Then == listener.ForChild {
				last = e.Then
			}
		}
	}
	return last, isHalted
}

// halted: it is stopped, traced or frozen, or some thread of it.
func halted(p *listener.Process) bool {
	is := func(state string, tracer int) bool { return state == "T" || state == "t" || tracer != 0 }
	return is(p.State, p.Tracer) || p.Frozen.Or(false) ||
		slices.ContainsFunc(p.Threads, func(t listener.Task) bool { return is(t.State, t.Tracer) })
}

func otherEnd(on *listener.Thing) peering { return peering{on.Remote, on.Port} }

// maxWaits is how many threads of a process are asked what they wait for: each may wait for
// something of its own.
const maxWaits = 64

// seek adds what the threads of a process wait for, and says whether the last census found
// the holders of all of it. What finds no room has no known holder.
func (w *wanted) seek(p *listener.Process, last *wanted) (all bool) {
	all = true
	object := func(o listener.Key) {
		if len(w.objects) < listener.MaxSought {
			w.objects[o] = true
			all = all && last.objects[o]
		}
	}
	for i := range p.Threads[:min(len(p.Threads), maxWaits)] {
		on, known := p.Threads[i].On.Get()
		switch {
		case !known:
		case on.Kind == listener.ThingPipe:
			object(on.Object)
		case on.Kind == listener.ThingUnix && on.Peer != 0:
			object(on.Peer)
		case on.Kind == listener.ThingConnection && len(w.connections) < listener.MaxSought:
			w.connections[otherEnd(&on)] = true
			all = all && last.connections[otherEnd(&on)]
		}
	}
	return all
}
