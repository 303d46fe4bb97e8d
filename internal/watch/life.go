package watch

import (
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// life follows one process from look to look while a listener of it is suspected:
// once a process, however many listeners it has.
type life struct {
	totals
	threads  map[int]thread
	position map[listener.Key]listener.Position // how far its connections were read and written
	turn     int                                // the turn in which it was followed last
	held     int                                // how many things it held then

	// All times below are of a clock of its own, which a look moves on by an interval at
	// the most: a paused agent proves nothing.
	clock   time.Duration
	ran     time.Duration // when some thread last ran, or might have
	slices  uint64        // time slices that it got since it is followed
	whole   bool          // all its threads were read, with their slices
	counted bool          // the kernel counts all bytes that it can move, by whatever call
	sole    bool          // it has no other listener
	ring    bool          // it has an io_uring, by which it may do all of that without a call
	loop    bool          // it has an epoll set, and may wake itself
	moved, served, polled, alive,
	asked, running shown
	pipes map[listener.Key]standing // the pipes that it waits to write to
	waits []listener.Wait
	last  listener.Life // the part that the last look alone tells
	calls listener.Maybe[listener.Calls]
	// watching: its calls are watched. That began, or was last interrupted, at turned.
	watching bool
	turned   time.Duration
}

// standing is how far a pipe has been read, and since when it has not been read further.
type standing struct {
	read  uint64
	since time.Duration
}

// shown is when a sign was seen last, and when nobody could tell whether it was there.
type shown struct {
	records int
	at, gap listener.Maybe[time.Duration]
	what    string
}

func (s *shown) record(at time.Duration, is listener.Maybe[bool], what string) {
	s.records++
	switch v, known := is.Get(); {
	case !known:
		s.gap = listener.Known(at)
	case v:
		s.at, s.what = listener.Known(at), what
	}
}

func (s *shown) asOf(now time.Duration) listener.Shown {
	ago := func(at listener.Maybe[time.Duration]) listener.Maybe[time.Duration] {
		if v, known := at.Get(); known {
			return listener.Known(now - v)
		}
		return at
	}
	return listener.Shown{Known: s.records > 0, Ago: ago(s.at), Gap: ago(s.gap), What: s.what}
}

// seen is what one look found out beside what the pass over the tasks read.
type seen struct {
	at     time.Time
	step   time.Duration // how much time the look adds
	things []listener.Thing
	calls  listener.Maybe[listener.Calls]
	ends   *ends
	locks  []listener.Lock // locks that it waits for
	ports  map[port]bool   // ports of its suspected listeners
}

// update adds what one look saw of the process.
func (f *life) update(p *listener.Process, s *seen) {
	first := f.at.IsZero()
	before, threads, calls := f.totals, f.threads, f.calls
	f.totals = totals{at: s.at, throttle: p.Throttled, waited: before.waited, sockets: before.sockets}
	f.whole = f.sumWaits(p, before.at)
	f.known = f.whole
	f.sumUsage(p)
	f.cpu.user, f.cpu.system = max(f.cpu.user, before.cpu.user), max(f.cpu.system, before.cpu.system)
	f.sumSocketBytes(s.things, first)
	f.assessThings(s.things)
	f.calls = s.calls
	if !first {
		f.clock += s.step
	}
	still := !first && f.whole && f.stood(threads)
	f.waits = f.waitsOf(p, s)
	if first {
		f.ran = f.clock
		f.keepLast(p, s)
		return
	}
	if !still {
		f.ran = f.clock
	}
	f.recordSigns(&before, calls, still)
	f.keepLast(p, s)
}

// stood says that no thread got a time slice since the last look, none is runnable, and
// each waits where it did.
func (f *life) stood(before map[int]thread) bool {
	still := len(f.threads) == len(before)
	for tid, is := range f.threads {
		was, there := before[tid]
		if there && was.start == is.start && is.slices > was.slices {
			f.slices += is.slices - was.slices
		}
		same := there && was.start == is.start && was.slices == is.slices && was.run == is.run && was.at == is.at
		still = still && same && !is.runnable
	}
	return still
}

// recordSigns records which signs of life this look saw.
func (f *life) recordSigns(before *totals, calls listener.Maybe[listener.Calls], still bool) {
	moved, what := f.movedSince(before, calls)
	if still && moved != listener.Known(true) {
		moved = listener.Known(false)
	}
	f.moved.record(f.clock, moved, what)

	served, what := servedSince(f.calls, calls)
	switch {
	case still || f.sole:
		served = listener.Known(false)
	case f.ring && served != listener.Known(true):
		served = listener.Maybe[bool]{}
	}
	f.served.record(f.clock, served, what)

	polled, alive, asked, running := "", "", "", false
	for i := range f.waits {
		w := &f.waits[i]
		switch {
		case w.For == listener.ForSIGCONT: // the states of its threads show that it is stopped
		case w.For == listener.ForNothing:
			running = true
		case w.For == listener.ForEvents:
			polled = w.String()
		case w.DeadEnd():
		case w.Liftable():
			asked = w.String()
		default:
			alive = w.String()
		}
	}
	all := f.whole
	note := func(s *shown, what string) {
		is := listener.Known(what != "")
		if what == "" && !all {
			is = listener.Maybe[bool]{}
		}
		s.record(f.clock, is, what)
	}
	note(&f.polled, polled)
	note(&f.alive, alive)
	note(&f.asked, asked)
	f.running.record(f.clock, listener.Known(running), "it ran")
}

// movedSince says whether the process moved bytes since the last look, and which. On UDP
// and unix sockets only its calls show that. What it writes while every accept fails is its
// log of that, and does not count.
func (f *life) movedSince(before *totals, calls listener.Maybe[listener.Calls]) (listener.Maybe[bool], string) {
	now, watched := f.calls.Get()
	was, watchedBefore := calls.Get()
	read, wrote := moved(&f.io, &before.io, f.loop)
	if watched && watchedBefore && refusals(&now) > refusals(&was) {
		wrote = 0
	}
	switch sockets := grown(f.sockets, before.sockets); {
	case read+wrote > 0:
		return listener.Known(true), fmt.Sprintf("%d bytes of files and pipes", read+wrote)
	case sockets > 0:
		return listener.Known(true), fmt.Sprintf("%d bytes of its connections", sockets)
	case f.faults > before.faults:
		return listener.Known(true), "pages that it had to read from disk"
	case watched && watchedBefore && now.Received+now.Sent > was.Received+was.Sent:
		return listener.Known(true), fmt.Sprintf("%d bytes by calls on sockets", now.Received+now.Sent-was.Received-was.Sent)
	case f.known && (f.counted || watched && watchedBefore && !f.ring):
		return listener.Known(false), ""
	default:
		return listener.Maybe[bool]{}, ""
	}
}

// assessThings finds out which signs the things that the process holds leave open: the
// kernel counts what it reads and writes of files, pipes and TCP, by whatever call.
func (f *life) assessThings(things []listener.Thing) {
	f.counted, f.sole, f.ring, f.loop = true, true, false, false
	listeners := 0
	for i := range things {
		switch t := &things[i]; t.Kind {
		case listener.ThingUDP, listener.ThingUnix, listener.ThingSocket, listener.ThingRing:
			f.counted = false
			f.ring = f.ring || t.Kind == listener.ThingRing
			f.sole = f.sole && !f.ring && !t.Listening
		case listener.ThingConnection:
			f.counted = f.counted && t.Position.IsKnown()
		case listener.ThingListener:
			listeners++
		case listener.ThingEpoll:
			f.loop = true
		default: // the kernel counts what it moves by these
		}
	}
	f.sole = f.sole && listeners <= 1
}

func refusals(c *listener.Calls) uint64 {
	n := uint64(0)
	for _, r := range c.Refused {
		n += r.N
	}
	return n
}

// servedSince says whether the process accepted a connection since the last look: on
// another listener, for the head of the suspected one stands still.
func servedSince(now, before listener.Maybe[listener.Calls]) (listener.Maybe[bool], string) {
	is, watched := now.Get()
	was, watchedBefore := before.Get()
	if !watched || !watchedBefore {
		return listener.Maybe[bool]{}, ""
	}
	return listener.Known(is.Accepted > was.Accepted), "it accepted on another listener"
}

// keepLast keeps what only the last look tells.
func (f *life) keepLast(p *listener.Process, s *seen) {
	f.last = listener.Life{
		Children: p.Children, Timers: p.Timers,
		SharesMemory: listener.Known(p.MemoryUsers != p.ThreadCount), // a leader that has ended has let go of it
		Async:        listener.Known(false), Rings: listener.Known(false),
		Waits: f.waits, Calls: f.calls,
	}
	for i := range s.things {
		if s.things[i].Async {
			f.last.Async = listener.Known(true)
		}
		if s.things[i].Kind == listener.ThingRing {
			f.last.Rings = listener.Known(true)
		}
	}
}

// of gives the life of an owner of one listener; unknown until the second look.
func (f *life) of(key listener.Key) listener.Maybe[listener.Life] {
	if f == nil || f.moved.records == 0 {
		return listener.Maybe[listener.Life]{}
	}
	l := f.last
	l.Followed, l.Slices = f.clock, f.slices
	if f.whole {
		l.Inert = listener.Known(f.clock - f.ran)
	}
	l.Moved, l.Served, l.Polled = f.moved.asOf(f.clock), f.served.asOf(f.clock), f.polled.asOf(f.clock)
	l.Alive, l.Asked, l.Ran = f.alive.asOf(f.clock), f.asked.asOf(f.clock), f.running.asOf(f.clock)
	if c, known := f.calls.Get(); known {
		l.Refused = c.Refused[key]
	}
	return listener.Known(l)
}

// The calls of a process that is not inert are watched for callsOn, then not for callsOff,
// for the watching slows everybody on the host. It ends once the process has stood still
// for callsIdle.
const (
	callsOn   = 5 * time.Minute
	callsOff  = 10 * time.Minute
	callsIdle = time.Minute
)

// wantsCalls says whether the calls of the process are to be watched until the next look.
func (f *life) wantsCalls() bool {
	idle := f.clock - f.ran
	switch {
	case f.watching && idle >= callsIdle:
		f.watching, f.turned = false, 0
	case f.watching && f.clock-f.turned >= callsOn:
		f.watching, f.turned = false, f.clock
	case !f.watching && idle == 0 && f.moved.records > 0 && (f.turned == 0 || f.clock-f.turned >= callsOff):
		f.watching, f.turned = true, f.clock
	}
	return f.watching
}
