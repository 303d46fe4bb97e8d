package watch

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// port is a local port in a network namespace, of a listener or of a connection.
type port struct {
	netns  uint32
	number uint16
}

// holdings add up a census, by listener and by process. Their size is bound by the
// listeners in the table, whatever processes hold: a proxy has a million connections.
type holdings struct {
	known       map[port]bool            // ports of the listeners in the table
	owners      map[listener.Key][]owner // one for each pid
	listens     map[int]map[port]bool    // ports that a process listens on
	connections map[int]map[port]int     // connections it holds, by those local ports that have a listener
	epolls      sets

	pid     int          // the process whose descriptors are being added
	pending map[port]int // its connections so far, by local port
}

// owner is a process with a descriptor of a listener.
type owner struct {
	pid  int
	fd   int
	made bool
}

// sets gives the pids that hold each epoll set.
type sets map[listener.Key][]int

// holders gives the waiters with the processes that hold their epoll sets.
func (s sets) holders(waiters []listener.Waiter) []listener.Waiter {
	if len(waiters) == 0 {
		return nil // as in a sample without waiters
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

func newHoldings(entries map[listener.Key]*entry) *holdings {
	h := &holdings{
		known:       make(map[port]bool),
		owners:      make(map[listener.Key][]owner, len(entries)),
		listens:     make(map[int]map[port]bool),
		connections: make(map[int]map[port]int),
		epolls:      make(sets),
		pending:     make(map[port]int),
	}
	for _, e := range entries {
		h.known[portOf(e)] = true
	}
	return h
}

func portOf(e *entry) port { return port{e.l.Netns, e.l.Port()} }

// add records one descriptor that a census found. Those of one process come together.
func (h *holdings) add(d *listener.Held) {
	if d.PID != h.pid {
		h.keepAccepted()
		h.pid = d.PID
	}
	p := port{d.Netns, d.Port}
	switch d.Kind {
	case listener.HeldEpoll:
		if pids := h.epolls[d.Key]; !slices.Contains(pids, d.PID) {
			h.epolls[d.Key] = append(pids, d.PID)
		}
	case listener.HeldConnection:
		h.pending[p]++
	case listener.HeldListener:
		if h.listens[d.PID] == nil {
			h.listens[d.PID] = make(map[port]bool)
		}
		h.listens[d.PID][p] = true
		// A thread with a descriptor table of its own may report it again.
		of := h.owners[d.Key]
		if len(of) == 0 || of[len(of)-1].pid != d.PID && !slices.ContainsFunc(of, func(o owner) bool { return o.pid == d.PID }) {
			h.owners[d.Key] = append(of, owner{d.PID, d.FD, d.Made})
		}
	case listener.HeldSought: // recorded by ends
	}
}

// keepAccepted keeps those connections of a process that a listener may have accepted.
func (h *holdings) keepAccepted() {
	for p, n := range h.pending {
		if !h.known[p] && !h.listens[h.pid][p] {
			continue
		}
		if h.connections[h.pid] == nil {
			h.connections[h.pid] = make(map[port]int)
		}
		h.connections[h.pid][p] += n
	}
	h.pending = make(map[port]int)
}

// serves gives the ports on which a process both listens and holds accepted connections.
func (h *holdings) serves(pid int) map[port]bool {
	ports := make(map[port]bool)
	for p := range h.connections[pid] {
		if h.listens[pid][p] {
			ports[p] = true
		}
	}
	return ports
}
