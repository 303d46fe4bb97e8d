package watch

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// waitsOf gives what the threads of a process wait for, one Wait for all threads that wait
// for the same.
func (f *life) waitsOf(p *listener.Process, s *seen) []listener.Wait {
	before := f.pipes
	f.pipes = make(map[listener.Key]standing)
	var all []listener.Wait
	for i := range p.Threads {
		w := f.waitOf(p, &p.Threads[i], before, s)
		k := slices.IndexFunc(all, func(o listener.Wait) bool {
			return o.For == w.For && o.Wchan == w.Wchan && o.Thing == w.Thing && o.Client == w.Client && o.AllEnds == w.AllEnds &&
				o.Still == w.Still && slices.Equal(o.Ends, w.Ends)
		})
		if k >= 0 {
			all[k].Threads++
			continue
		}
		all = append(all, w)
	}
	return all
}

func (f *life) waitOf(p *listener.Process, t *listener.Task, before map[listener.Key]standing, s *seen) listener.Wait {
	w := listener.Wait{Threads: 1, Wchan: t.Wchan, For: listener.ForUnknown}
	c, known := t.Call.Get()
	switch {
	case t.State == "R", t.State == "Z", t.State == "X":
		w.For, w.Wchan = listener.ForNothing, ""
		return w
	case t.State == "T", t.State == "t":
		w.For = listener.ForSIGCONT
		return w
	case fileSystem(t.Stack) != "":
		w.For = fileSystem(t.Stack)
		return w
	case !known || c.Compat:
		return w
	}
	on, isThing := t.On.Get()
	w.For = waitsFor(t, &c)
	switch w.For {
	case listener.ForReader, listener.ForData, listener.ForPeer:
		if !isThing {
			w.For = listener.ForUnknown
			return w
		}
		if w.For == listener.ForData && on.TimedReads || w.For != listener.ForData && on.TimedWrites {
			w.For = listener.ForTimer
			return w
		}
		f.findEnds(&w, &on, p.PID, before, s)
	case listener.ForLock:
		for _, l := range s.locks {
			if l.Holder > 0 && l.Holder != p.PID {
				w.Ends = append(w.Ends, s.ends.end(l.Holder))
				w.AllEnds = true
			}
		}
	default: // such a wait has no other end
	}
	return w
}

// findEnds fills in what thing a wait is for, and who is at the other end of that.
func (f *life) findEnds(w *listener.Wait, on *listener.Thing, pid int, before map[listener.Key]standing, s *seen) {
	w.Thing = on.Kind
	switch on.Kind {
	case listener.ThingPipe:
		w.Ends, w.AllEnds = s.ends.pipe(on, w.For == listener.ForReader, pid)
		if w.For == listener.ForReader {
			w.Still = f.unread(on, before)
		}
	case listener.ThingUnix:
		w.Ends, w.AllEnds = s.ends.unix(on, pid)
	case listener.ThingConnection:
		w.Client = s.ports[port{on.NetNS, on.Port}]
		w.Ends, w.AllEnds = s.ends.connection(on, pid)
	case listener.ThingUDP:
	default:
		w.For, w.Thing = listener.ForUnknown, ""
		return
	}
	// Only the reader of a pipe shows how far it has got.
	if w.For == listener.ForReader && on.Kind != listener.ThingPipe {
		w.For = listener.ForPeer
	}
}

// unread gives for how long nobody has read from a pipe.
func (f *life) unread(on *listener.Thing, before map[listener.Key]standing) (still time.Duration) {
	position, known := on.Position.Get()
	if !known {
		return 0
	}
	is, there := before[on.Object]
	if !there || is.read != position.Read {
		is = standing{position.Read, f.clock}
	}
	f.pipes[on.Object] = is
	return f.clock - is.since
}

// fileSystem gives the kind of file system or disk that a thread waits for by its stack,
// whatever its system call; "" for none.
func fileSystem(stack []string) listener.For {
	for _, w := range []struct {
		what  listener.For
		parts []string
	}{
		{listener.ForFUSE, []string{"request_wait_answer", "fuse_simple_request", "fuse_wait_"}},
		{listener.ForNetFS, []string{"rpc_wait_bit", "rpc_execute", "nfs_", "nfs4_", "cifs_", "smb2_", "wait_for_response", "p9_client_", "ceph_"}},
		{listener.ForDisk, []string{"io_schedule", "folio_wait_", "wait_on_page", "wait_on_buffer", "jbd2_", "blk_mq_", "submit_bio_wait"}},
	} {
		if slices.ContainsFunc(stack, func(frame string) bool {
			return slices.ContainsFunc(w.parts, func(part string) bool { return strings.HasPrefix(strings.TrimLeft(frame, "_"), part) })
		}) {
			return w.what
		}
	}
	return ""
}

// The operations of futex(2).
const (
	futexOp         = 0x7f
	futexWait       = 0
	futexWaitBitset = 9
	futexPrivate    = 0x80
)

// waitsFor gives what a thread waits for by the system call that it sleeps in.
func waitsFor(t *listener.Task, c *listener.Call) listener.For {
	timed := func(is bool, otherwise listener.For) listener.For {
		if is {
			return listener.ForTimer
		}
		return otherwise
	}
	switch callOf(c.Number) {
	case callOpen:
		if t.Wchan == "wait_for_partner" {
			return listener.ForFIFO
		}
	case callRead, callReceive:
		return listener.ForData
	case callWrite:
		return listener.ForReader
	case callSend:
		return listener.ForPeer
	case callAccept:
		return listener.ForClients
	case callConnect, callSleep, callResumed:
		return listener.ForTimer // connect() too gives up after a while
	case callFutex:
		return timed(c.Args[3] != 0, futex(c))
	case callPause:
		return listener.ForSignal
	case callSigwait:
		return timed(c.Args[2] != 0, listener.ForSignal)
	case callChild:
		return listener.ForChild
	case callFork:
		if slices.Contains(t.Stack, "kernel_clone") { // the parent of a vfork() waits for its child
			return listener.ForChild
		}
	case callFlock:
		return listener.ForLock
	case callFcntl:
		if c.Args[1] == unix.F_SETLKW || c.Args[1] == unix.F_OFD_SETLKW {
			return listener.ForLock
		}
	case callPoll:
		return timed(int32(c.Args[2]) >= 0 && c.Args[1] < 2, polls(c.Args[1]))
	case callPpoll:
		return timed(c.Args[2] != 0 && c.Args[1] < 2, polls(c.Args[1]))
	case callSelect:
		return timed(c.Args[4] != 0 && c.Args[0] == 0, listener.ForEvents)
	case callEpoll:
		return listener.ForEvents
	case callOther:
	}
	return listener.ForUnknown
}

// polls tells an event loop from a wait for one thing, and both from a sleep.
func polls(descriptors uint64) listener.For {
	switch descriptors {
	case 0:
		return listener.ForUnknown // a sleep
	case 1:
		return listener.ForOne
	default:
		return listener.ForEvents
	}
}

// futex gives what a wait on a futex is for: only a private one can surely be woken by
// nobody but the process itself.
func futex(c *listener.Call) listener.For {
	op := c.Args[1] & futexOp
	if c.Args[1]&futexPrivate == 0 || op != futexWait && op != futexWaitBitset {
		return listener.ForUnknown
	}
	return listener.ForFutex
}
