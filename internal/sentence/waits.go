package sentence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// WaitsFor says in words what keeps a process waiting, "" where that is not known. Dead
// ends are left out where there is anything else.
func WaitsFor(o *listener.Owner) string {
	others := waitsThat(o, func(w *listener.Wait) bool { return w.For != listener.ForNothing && !w.DeadEnd() })
	if others == "" {
		return waitsThat(o, func(w *listener.Wait) bool { return w.For != listener.ForNothing })
	}
	return others
}

// waitsThat are the waits of a process that are so, each once.
func waitsThat(o *listener.Owner, are func(*listener.Wait) bool) string {
	var all []string
	for _, w := range waitsOf(o) {
		if !are(&w) {
			continue
		}
		if s := Wait(&w); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, "; ")
}

func waitsOf(o *listener.Owner) []listener.Wait {
	if o == nil || o.Evidence == nil {
		return nil
	}
	return o.Evidence.Life.Or(listener.Life{}).Waits
}

// Wait finishes "it waits for …".
func Wait(w *listener.Wait) string {
	thing := w.Thing.Words()
	who := endsWords(w.Ends)
	switch w.For {
	case listener.ForFIFO:
		if who == "" && w.AllEnds {
			return "the other side of a FIFO that it opens, which no other process has open"
		}
		return "the other side of a FIFO that it opens" + text.After(", which this has open: ", who)
	case listener.ForReader:
		return atTheEnd(w, "room in "+cmp.Or(thing, "a pipe"), cmp.Or(thing, "a pipe"))
	case listener.ForData:
		return atTheEnd(w, "something to read"+text.After(" from ", thing), cmp.Or(thing, "what it reads from"))
	case listener.ForPeer:
		return atTheEnd(w, "whoever is at the other end of "+cmp.Or(thing, "a connection"), cmp.Or(thing, "a connection"))
	case listener.ForOne:
		return atTheEnd(w, "an event"+text.After(" of ", thing)+", the one thing that it polls", cmp.Or(thing, "the one thing that it polls"))
	case listener.ForFutex:
		return "a futex in its own memory, as a lock is"
	case listener.ForFUSE:
		return "an answer of a FUSE file system" + text.After(": ", who)
	case listener.ForSignal:
		return "a signal"
	case listener.ForTimer:
		return "a timer"
	case listener.ForChild:
		return "its child, which lives" + text.After(": ", who)
	case listener.ForLock:
		if who == "" {
			return "a lock on a file"
		}
		return "a lock that " + who + " " + holdVerb(len(w.Ends))
	case listener.ForNetFS:
		return "a network file system"
	case listener.ForDisk:
		return "a disk"
	case listener.ForEvents:
		return "events of what it polls"
	case listener.ForClients:
		return "clients, in accept()"
	case listener.ForSIGCONT:
		return "SIGCONT, or its tracer: it is stopped"
	case listener.ForNothing:
		return "nothing: it runs"
	default:
		where := strings.Join(strings.Fields(text.Printable(w.Call)+" "+text.Printable(w.Wchan)), ", ")
		return "something that could not be told" + text.After(" (", where) + closing(where)
	}
}

// atTheEnd names who is at the other end of a thing, or what is waited for where that
// is nobody, or nobody knows.
func atTheEnd(w *listener.Wait, what, thing string) string {
	switch who := endsWords(w.Ends); {
	case who != "":
		return fmt.Sprintf("%s at the other end of %s", who, thing)
	case w.AllEnds:
		return what + ", whose other end no other process holds"
	default:
		return what
	}
}

// endsShown are the processes that are named of those at one end.
const endsShown = 3

func endsWords(ends []listener.End) string {
	var all []string
	for i, e := range ends {
		if i == endsShown {
			all = append(all, fmt.Sprintf("%d more", len(ends)-i))
			break
		}
		s := fmt.Sprintf("pid %d%s", e.PID, text.After(" (", text.Printable(e.Comm))) + closing(e.Comm)
		switch {
		case e.Halted:
			s += ", which is stopped, traced or frozen, or waits for somebody who is,"
		case e.Then == listener.ForTimer:
			s += ", which waits for a timer,"
		case e.Then == listener.ForChild:
			s += ", which waits for its child,"
		}
		all = append(all, s)
	}
	return strings.Join(all, " and ")
}

func holdVerb(n int) string {
	if n == 1 {
		return "holds"
	}
	return "hold"
}

func closing(s string) string {
	if s == "" {
		return ""
	}
	return ")"
}

// peerWords names who is waited for at the other end of something, as far as that is
// known.
func peerWords(o *listener.Owner) string {
	s := waitsThat(o, func(w *listener.Wait) bool {
		switch w.For {
		case listener.ForData, listener.ForPeer:
			return !w.DeadEnd()
		default:
			return (w.For == listener.ForReader || w.For == listener.ForOne) && len(w.Ends) > 0
		}
	})
	return cmp.Or(s, "somebody at the other end of a connection, socket or pipe")
}

// lockWords names who holds the lock on a file that is waited for, "" where that is not
// known.
func lockWords(o *listener.Owner) string {
	for _, w := range waitsOf(o) {
		if who := endsWords(w.Ends); w.For == listener.ForLock && who != "" {
			return fmt.Sprintf(" that %s %s", who, holdVerb(len(w.Ends)))
		}
	}
	if o.Evidence == nil {
		return ""
	}
	for _, l := range o.Evidence.Locks.Or(nil) {
		if l.Holder > 0 {
			return fmt.Sprintf(" that pid %d holds", l.Holder)
		}
	}
	return ""
}
