package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// wanted names the things whose holders a census is to find: pipes and unix sockets by
// their address, connections by their other end.
type wanted struct {
	objects     map[listener.Key]bool
	connections map[peering]bool
}

// peering is what the two ends of a connection on this host have in common, whatever
// translates their addresses: the ports, here and there.
type peering struct{ local, remote uint16 }

// ends knows who holds the things that suspects wait for, by the last census, and what
// those holders do themselves.
type ends struct {
	sought      wanted
	ports       map[uint16]bool                  // local ports of the connections that were sought
	holders     map[listener.Key][]listener.Held // by the object that was sought
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

// add records one descriptor that a census found.
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
	case listener.HeldEpoll: // nobody waits for the other end of a set
	}
}

// pipe gives the processes other than pid that hold read ends of a pipe, or write ends,
// and whether these are all holders: an end may be in flight between two processes, or be
// the kernel's own.
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

// connection gives the processes other than pid that hold the other end of a TCP
// connection, which may be on another host, or be reached by other ports. That nobody else
// holds it is known only where pid holds it itself.
func (e *ends) connection(on *listener.Thing, pid int) ([]listener.End, bool) {
	if pids := e.connections[otherEnd(on)]; len(pids) > 0 {
		return e.all(slices.Clone(pids), pid), true
	}
	// Perhaps the listener there has not accepted it yet.
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

// chainAfter is how long a process must have stood still before its own waits count for
// those that wait for it: a process that works sleeps between two looks, too.
const chainAfter = 5 * time.Second

// end describes a process at the other end of a wait, and how its chain of waits ends.
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

// chain says what a process that stands still waits for at the end of its chain, and
// whether somebody in the chain is halted. What its own ends wait for was found one look
// earlier, so a chain is known after as many looks as it has links, and one that closes on
// itself ends there.
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

// halted says that a process, or some thread of it, is stopped, traced or frozen.
func halted(p *listener.Process) bool {
	is := func(state string, tracer int) bool { return state == "T" || state == "t" || tracer != 0 }
	return is(p.State, p.Tracer) || p.Frozen.Or(false) ||
		slices.ContainsFunc(p.Threads, func(t listener.Task) bool { return is(t.State, t.Tracer) })
}

func otherEnd(on *listener.Thing) peering { return peering{on.Remote, on.Port} }

// maxWaits is for how many threads of a process the census seeks the things that they wait
// for: each may wait for another one.
const maxWaits = 64

// seek adds the things that the threads of a process wait for, and says whether the last
// census sought all of them. A thing that finds no room has no known holder.
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
