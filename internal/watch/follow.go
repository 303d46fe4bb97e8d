package watch

import (
	"maps"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// suspects is what is known of the owners of suspected listeners, and of the processes that
// they wait for.
type suspects struct {
	procs *population

	lives   map[identity]*life
	turn    int                       // the number of the turn in which they are followed
	leftOut int                       // those that the last look had no room for
	things  thingsByPID               // what they hold
	threads map[int][]listener.Thread // as evidence
	linked  []int                     // processes that they wait for

	locks   []proc.Lock // on files, by the last census
	ends    ends        // who holds what they wait for, by the last census
	sought  wanted      // things whose holders the next census is to find
	lacking bool        // the last census did not seek all of these
}

// suspectPIDs are the owners of suspected listeners, each once.
func (w *Watcher) suspectPIDs() []int {
	pids := make(map[int]bool)
	for _, e := range w.table.awake {
		if e.gone || !e.suspected {
			continue
		}
		for i := range e.l.Owners {
			pids[e.l.Owners[i].PID] = true
		}
	}
	return slices.Sorted(maps.Keys(pids))
}

// follow brings the owners of all suspected listeners up to date at every look: who they
// are now, and what they have done since the suspicion began.
func (w *Watcher) follow() error {
	pids := w.suspectPIDs()
	if len(pids) == 0 {
		if w.suspects.lives == nil {
			return nil // nobody was followed, so nobody's calls are watched
		}
		w.suspects.lives, w.suspects.linked, w.suspects.leftOut = nil, nil, 0
		return w.suspects.watchCalls(nil)
	}
	picked, left := w.suspects.pick(pids)
	if err := w.procs.pass(listener.Ask{Threads: slices.Concat(picked, w.suspects.linked), Some: left}, pids, nil); err != nil {
		return err
	}
	if err := w.updateLives(picked, left); err != nil {
		return err
	}
	for _, e := range w.table.awake {
		if !e.gone && e.suspected && len(e.l.Owners) > 0 {
			w.followOwners(e)
		}
	}
	return nil
}

// thingsByPID is what processes hold. What a process holds that has no entry is unknown.
type thingsByPID map[int][]listener.Thing

func (w *Watcher) thingsOf(pids []int) (thingsByPID, error) {
	things, omitted, err := w.src.Things(pids)
	if err != nil {
		return nil, err
	}
	of := make(thingsByPID, len(pids))
	for _, pid := range pids {
		of[pid] = nil
	}
	for _, t := range things {
		of[t.PID] = append(of[t.PID], t)
	}
	for _, pid := range omitted {
		delete(of, pid)
	}
	return of, nil
}

func (w *Watcher) followOwners(e *entry) {
	next := *e.l
	next.Owners = make([]listener.Owner, 0, len(e.l.Owners))
	for i := range e.l.Owners {
		old := &e.l.Owners[i]
		p := w.procs.met[old.PID]
		if p == nil || p.Start != old.Start {
			continue // it has gone: the next census finds who holds the listener now
		}
		o := w.procs.ownerNow(old, p)
		ev := listener.Evidence{}
		if old.Evidence != nil {
			ev = *old.Evidence
		}
		ev.Usage, ev.Frozen, ev.Life, ev.Threads, ev.Total = w.usage(e, p), p.Frozen, w.lifeOf(e, p), w.suspects.threads[p.PID], p.ThreadCount
		o.Evidence = &ev
		next.Owners = append(next.Owners, o)
	}
	w.table.set(e, &next)
}

// followed gives the life of an owner of a suspected listener; nil where the last look left the
// process out: what was known before says nothing of now.
func (w *Watcher) followed(e *entry, p *listener.Process) *life {
	f := w.suspects.lives[identityOf(p)]
	if f == nil || !e.suspected || !f.at.Equal(w.lastLook) {
		return nil
	}
	return f
}

// usage gives what a process has done since the suspicion began; unknown at the first look.
func (w *Watcher) usage(e *entry, p *listener.Process) listener.Maybe[listener.Usage] {
	f := w.followed(e, p)
	if f == nil {
		return listener.Maybe[listener.Usage]{}
	}
	first, known := e.baselines[identityOf(p)]
	if !known {
		if e.baselines == nil {
			e.baselines = make(map[identity]*totals)
		}
		first = new(totals)
		*first = f.totals
		e.baselines[identityOf(p)] = first
	}
	return f.since(first)
}

// maxLinked is how many processes are followed because suspects wait for them.
const maxLinked = 64

// updateLives updates the lives of these processes and of those that they wait for, by what
// the last pass read. It keeps the lives of the processes that this look has no room for,
// and drops all others.
func (w *Watcher) updateLives(pids, left []int) error {
	things, err := w.thingsOf(pids)
	if err != nil {
		return err
	}
	calls, err := w.src.Calls()
	if err != nil {
		return err
	}
	w.suspects.things = things
	ports := w.suspectPorts()
	before := w.suspects.lives
	w.suspects.lives = make(map[identity]*life, len(pids))
	w.suspects.threads = make(map[int][]listener.Thread, len(pids))
	w.suspects.ends.processes, w.suspects.ends.lives = w.procs.met, w.suspects.lives
	out := make(map[int]bool) // a suspect that is left out is not followed as a linked process either
	for _, pid := range pids {
		if _, known := things[pid]; !known {
			left = append(left, pid)
		}
	}
	for _, pid := range left {
		out[pid] = true
		if p := w.procs.met[pid]; p != nil && before[identityOf(p)] != nil {
			w.suspects.lives[identityOf(p)] = before[identityOf(p)]
		}
	}
	w.suspects.leftOut = len(left)
	for _, pid := range slices.Concat(w.suspects.linked, pids) { // the ends of waits first
		p := w.procs.met[pid]
		if p == nil || len(p.Threads) == 0 || out[pid] {
			continue // it went away, or this look has no room for it
		}
		id := identityOf(p)
		f := before[id]
		if f == nil {
			f = &life{}
		}
		w.suspects.lives[id] = f
		f.turn, f.held = w.suspects.turn, len(things[pid])
		w.suspects.threads[pid] = threadsOf(p)
		s := &seen{at: w.lastLook, things: things[pid], ends: &w.suspects.ends, locks: locksOf(pid, w.suspects.locks), ports: ports[pid]}
		if f.at.Equal(w.lastLook) { // a look counts once, but a census since may know the other ends
			f.waits = f.waitsOf(p, s)
			f.last.Waits = f.waits
			continue
		}
		s.step = step(w.lastLook.Sub(f.at), w.opts.Interval)
		if c, watched := calls[pid]; watched {
			s.calls = listener.Known(c)
		}
		f.update(p, s)
	}
	w.suspects.link()
	return w.suspects.watchCalls(pids)
}

// suspectPorts gives the ports of the suspected listeners of each process.
func (w *Watcher) suspectPorts() map[int]map[port]bool {
	ports := make(map[int]map[port]bool)
	for _, e := range w.table.awake {
		if e.gone || !e.suspected {
			continue
		}
		for i := range e.l.Owners {
			pid := e.l.Owners[i].PID
			if ports[pid] == nil {
				ports[pid] = make(map[port]bool)
			}
			ports[pid][port{e.l.Netns, e.l.Port()}] = true
		}
	}
	return ports
}

// link finds the processes that followed ones wait for, and the things whose holders the
// next census is to find. If the last census did not seek all of them, another is due.
func (s *suspects) link() {
	linked := make(map[int]bool)
	s.sought = wanted{make(map[listener.Key]bool), make(map[peering]bool)}
	pids := make([]int, 0, len(s.lives))
	for id := range s.lives {
		pids = append(pids, id.pid)
	}
	for _, pid := range s.fairly(pids) {
		p := s.procs.met[pid]
		if p == nil || s.lives[identityOf(p)] == nil {
			continue
		}
		for _, wait := range s.lives[identityOf(p)].waits {
			for _, end := range wait.Ends {
				if len(linked) < maxLinked {
					linked[end.PID] = true
				}
			}
		}
		if !s.sought.seek(p, &s.ends.sought) {
			s.lacking = true
		}
	}
	s.linked = slices.Sorted(maps.Keys(linked))
}

// watchCalls has the kernel side watch the calls of those processes that do not stand still.
func (s *suspects) watchCalls(pids []int) error {
	var watched []int
	for _, pid := range pids {
		p := s.procs.met[pid]
		if p == nil {
			continue
		}
		if f := s.lives[identityOf(p)]; f != nil && f.wantsCalls() {
			watched = append(watched, pid)
		}
	}
	return s.procs.src.WatchCalls(watched)
}

// lifeOf gives the life of a process as an owner of one listener.
func (w *Watcher) lifeOf(e *entry, p *listener.Process) listener.Maybe[listener.Life] {
	l, known := w.followed(e, p).of(e.l.Key).Get()
	if !known {
		return listener.Maybe[listener.Life]{}
	}
	first, seen := w.procs.execs[identityOf(p)]
	if p.PID == e.caller {
		first, seen = e.execs, true
	}
	if seen && p.Execs >= first {
		l.Execs = listener.Known(int(p.Execs - first))
	}
	return listener.Known(l)
}
