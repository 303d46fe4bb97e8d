package watch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
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
}

func tally(held []listener.Held) holdings {
	h := holdings{
		owners:      make(map[listener.Key][]listener.Held),
		listens:     make(map[int]map[port]bool),
		connections: make(map[int]map[port]int),
	}
	slices.SortFunc(held, func(a, b listener.Held) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD))
	})
	for _, d := range held {
		p := port{d.Netns, d.Port}
		if !d.Listening {
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

// elsewhere says whether a process holds accepted connections of another port
// that it listens on.
func (h *holdings) elsewhere(pid int, but port) bool {
	for p := range h.listens[pid] {
		if p != but && h.connections[pid][p] > 0 {
			return true
		}
	}
	return false
}

// takeCensus finds the owners of every listener.
func (w *Watcher) takeCensus() error {
	held, err := w.src.Census()
	if err != nil {
		return err
	}
	w.census, w.born = time.Now(), false
	w.readNames()
	h := tally(held)
	processes := make(map[int]listener.Owner)
	for _, e := range w.entries {
		owners := make([]listener.Owner, 0, len(h.owners[e.l.Key]))
		at := port{e.l.Netns, e.l.Port()}
		for _, d := range h.owners[e.l.Key] {
			o, known := processes[d.PID]
			if !known {
				if o, err = w.process(d.PID); errors.Is(err, fs.ErrNotExist) {
					continue // it went away since the census
				} else if err != nil {
					return fmt.Errorf("look at owner %d of %s: %w", d.PID, e.l.Local, err)
				}
				processes[d.PID] = o
			}
			o.FD = listener.Known(d.FD)
			o.Connections = listener.Known(h.connections[d.PID][at])
			o.AcceptedElsewhere = listener.Known(h.elsewhere(d.PID, at))
			o.Progress = w.progress(e, d.PID)
			owners = append(owners, o)
		}
		next := *e.l
		next.Owners, next.OwnersKnown = owners, true
		next.NetnsName = w.names[next.Netns]
		e.l = &next
	}
	return nil
}

// process reads what /proc says of an owner now.
func (w *Watcher) process(pid int) (listener.Owner, error) {
	p, err := w.opts.Proc.Process(pid)
	if err != nil {
		return listener.Owner{}, err
	}
	return listener.Owner{
		PID: p.PID, NSPID: p.NSPID, Comm: p.Comm, Exe: p.Exe, Cmdline: proc.MaskSecrets(p.Cmdline),
		UID: p.UID, User: w.users.Name(p.UID), PPID: p.PPID, Started: p.Started, Start: p.StartTicks,
		State: string(p.State), Wchan: p.Wchan, Tracer: p.TracerPID, Kernel: p.KernelThread,
	}, nil
}

// assumeOwner takes the caller of listen() for the owner until a census knows.
func (w *Watcher) assumeOwner(e *entry) {
	caller, known := e.l.Caller.Get()
	if !known || e.l.OwnersKnown {
		return
	}
	o, err := w.process(caller.PID)
	if err != nil {
		return // it went away, or handed the listener on
	}
	next := *e.l
	next.Owners = []listener.Owner{o}
	e.l = &next
}

// watchOwners brings a suspect's owners up to date and measures their progress.
func (w *Watcher) watchOwners(e *entry) {
	if len(e.l.Owners) == 0 {
		return
	}
	next := *e.l
	next.Owners = make([]listener.Owner, 0, len(e.l.Owners))
	for _, old := range e.l.Owners {
		o, err := w.process(old.PID)
		if err != nil || o.Start != old.Start {
			continue // gone: the next census says who holds it now
		}
		o.FD, o.Connections, o.AcceptedElsewhere = old.FD, old.Connections, old.AcceptedElsewhere
		o.Progress = w.progress(e, old.PID)
		next.Owners = append(next.Owners, o)
	}
	e.l = &next
}

// progress compares what a process has done with what it had done when the
// suspicion began; unknown at first.
func (w *Watcher) progress(e *entry, pid int) listener.Maybe[bool] {
	if !e.suspected {
		return listener.Maybe[bool]{}
	}
	now, err := w.opts.Proc.Activity(pid)
	if err != nil {
		return listener.Maybe[bool]{}
	}
	first, known := e.activity[pid]
	if !known {
		if e.activity == nil {
			e.activity = make(map[int]baseline)
		}
		e.activity[pid] = baseline{w.last, now}
		return listener.Maybe[bool]{}
	}
	elapsed := w.last.Sub(first.at)
	if elapsed <= 0 {
		return listener.Maybe[bool]{}
	}
	return listener.Known(now.Progress(first.activity, elapsed))
}
