package watch

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// totals are what a process had done by one look: since it began, as the kernel counts, but
// its waits and the bytes of its sockets since it is followed.
type totals struct {
	at       time.Time
	known    bool // all its threads were read
	cpu      cpu
	faults   uint64
	io       listener.IO
	waited   time.Duration // how long its threads waited for a CPU, in waits that have ended
	queued   []time.Time   // when the waits began that have not ended
	throttle listener.Maybe[time.Duration]
	sockets  uint64 // bytes
}

// cpu is CPU time in ticks.
type cpu struct{ user, system uint64 }

// thread is what the last look saw of a thread.
type thread struct {
	start     time.Duration
	run, wait time.Duration
	slices    uint64
	at        place
	runnable  bool
	queued    time.Time // it has waited for a CPU since then at least
}

// sumWaits adds up how long the threads waited for a CPU, and says whether it could read all
// of them. The kernel adds a wait when it ends: a thread that is runnable and has not run
// since the last look has waited since it was last seen asleep or running, for it takes a
// CPU to fall asleep. The last waits of threads that have ended are lost.
func (f *life) sumWaits(p *listener.Process, last time.Time) (whole bool) {
	whole = p.Whole()
	now := make(map[int]thread, len(p.Threads))
	for i := range p.Threads {
		t := &p.Threads[i]
		sched, known := t.Sched.Get()
		whole = whole && known
		is := thread{start: t.Start, run: t.Used.Run, wait: sched.Wait, slices: sched.Slices, at: placeOf(t), runnable: t.State == "R"}
		was, seen := f.threads[t.TID]
		seen = seen && was.start == is.start
		if seen {
			f.waited += is.wait - was.wait
		} else if !last.IsZero() {
			f.waited += is.wait // it began since
		}
		switch {
		case !is.runnable:
		case !seen || is.run != was.run || is.wait != was.wait:
			is.queued = f.at
		case was.runnable:
			is.queued = was.queued
		default:
			is.queued = last
		}
		if !is.queued.IsZero() {
			f.queued = append(f.queued, is.queued)
		}
		now[t.TID] = is
	}
	f.threads = now
	return whole
}

// place is where a thread waits: its kernel function, system call and first argument.
type place struct {
	wchan string
	call  int
	arg   uint64
}

func placeOf(t *listener.Task) place {
	c := t.Call.Or(listener.Call{Number: -1})
	return place{t.Wchan, c.Number, c.Args[0]}
}

// sumUsage sums up what the threads used. The kernel measures how long a thread runs, and
// samples whether it runs in user mode or in the kernel: the samples are scaled to the
// measured time, as cputime_adjust() does for /proc.
func (f *life) sumUsage(p *listener.Process) {
	sum := p.Ended
	io, known := sum.IO.Get()
	f.known = f.known && known
	for i := range p.Threads {
		u := &p.Threads[i].Used
		sum.Run, sum.User, sum.System = sum.Run+u.Run, sum.User+u.User, sum.System+u.System
		sum.MajorFaults += u.MajorFaults
		more, _ := u.IO.Get()
		io.ReadBytes, io.WrittenBytes = io.ReadBytes+more.ReadBytes, io.WrittenBytes+more.WrittenBytes
		io.ReadCalls, io.WriteCalls = io.ReadCalls+more.ReadCalls, io.WriteCalls+more.WriteCalls
	}
	f.faults, f.io = sum.MajorFaults, io
	system := time.Duration(0)
	switch {
	case sum.User == 0 && sum.System > 0:
		system = sum.Run
	case sum.System > 0:
		system = time.Duration(float64(sum.Run) * (float64(sum.System) / float64(sum.User+sum.System)))
	}
	f.cpu = cpu{user: uint64((sum.Run - system) / listener.Tick), system: uint64(system / listener.Tick)}
}

// sumSocketBytes adds what the process itself read from its connections and wrote to them
// since the last look. A new connection has moved nothing yet.
func (f *life) sumSocketBytes(things []listener.Thing, first bool) {
	now := make(map[listener.Key]listener.Position, len(f.position))
	for i := range things {
		position, known := things[i].Position.Get()
		if things[i].Kind != listener.ThingConnection || !known {
			continue
		}
		now[things[i].Object] = position
		if was, seen := f.position[things[i].Object]; seen && !first {
			// TCP counts modulo 2^32; of MPTCP one look sees no more than that either.
			f.sockets += uint64(uint32(position.Read-was.Read)) + uint64(uint32(position.Wrote-was.Wrote))
		}
	}
	f.position = now
}

// since gives what was done between an earlier look and this one; unknown at the first.
func (t *totals) since(first *totals) listener.Maybe[listener.Usage] {
	over := t.at.Sub(first.at)
	if over <= 0 || !t.known || !first.known {
		return listener.Maybe[listener.Usage]{}
	}
	waited := t.waited - first.waited
	for _, since := range t.queued {
		if since.Before(first.at) {
			since = first.at
		}
		waited += t.at.Sub(since)
	}
	throttled, is := t.throttle.Get()
	read, wrote := moved(&t.io, &first.io, true)
	before, was := first.throttle.Get()
	return listener.Known(listener.Usage{
		Over: over, User: ticks(t.cpu.user, first.cpu.user), System: ticks(t.cpu.system, first.cpu.system),
		MajorFaults: grown(t.faults, first.faults), IOBytes: read + wrote,
		SocketBytes:  grown(t.sockets, first.sockets),
		RunnableWait: max(0, waited.Seconds()/over.Seconds()),
		Throttled:    is && was && throttled > before,
	})
}

// moved gives how many bytes were read and written since earlier. Where a process may wake
// itself, reads and writes of eight bytes or less each do not count: by eventfds and
// self-pipes the poller of a runtime talks to itself.
func moved(now, earlier *listener.IO, wakes bool) (read, wrote uint64) {
	work := func(bytes, calls uint64) uint64 {
		if wakes && bytes <= 8*calls {
			return 0
		}
		return bytes
	}
	return work(grown(now.ReadBytes, earlier.ReadBytes), grown(now.ReadCalls, earlier.ReadCalls)),
		work(grown(now.WrittenBytes, earlier.WrittenBytes), grown(now.WriteCalls, earlier.WriteCalls))
}

func ticks(now, first uint64) time.Duration { return time.Duration(grown(now, first)) * listener.Tick }

func grown(now, first uint64) uint64 {
	if now < first {
		return 0
	}
	return now - first
}
