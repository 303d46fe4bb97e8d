package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// sign finds one sign of life of one process.
type sign struct {
	name listener.Sign
	of   func(*facts, *listener.Owner) (listener.Maybe[bool], string)
}

// signsOfLife pairs every sign of the table, in its order, with how it is found. What
// is not known counts as life.
func signsOfLife() []sign {
	return []sign{
		{listener.SignRuns, (*facts).runs},
		{listener.SignMovesBytes, (*facts).movesBytes},
		{listener.SignServesElsewhere, (*facts).servesElsewhere},
		{listener.SignWaits, (*facts).waits},
		{listener.SignAtLimit, (*facts).atLimit},
		{listener.SignTold, (*facts).told},
		{listener.SignInherited, (*facts).inherited},
	}
}

func yes() listener.Maybe[bool]     { return listener.Known(true) }
func no() listener.Maybe[bool]      { return listener.Known(false) }
func unknown() listener.Maybe[bool] { return listener.Maybe[bool]{} }

// findSigns finds all signs of life of the processes that an act would touch. Of several
// processes, each sign is that of the liveliest.
func (f *facts) findSigns() {
	f.signs = nil
	for _, s := range signsOfLife() {
		seen := listener.SignSeen{Sign: s.name, Alive: no()}
		if len(f.targets()) == 0 {
			seen.Alive, seen.Value = unknown(), "nobody is known to hold it"
		}
		for _, o := range f.targets() {
			alive, value := s.of(f, o)
			switch {
			case alive == yes() && seen.Alive != yes(), alive == unknown() && seen.Alive == no():
				seen.Alive, seen.Value = alive, value
			case alive == no() && seen.Alive == no() && seen.Value == "":
				seen.Value = value
			}
		}
		f.signs = append(f.signs, seen)
	}
}

func (f *facts) sign(name listener.Sign) *listener.SignSeen {
	i := slices.IndexFunc(f.signs, func(s listener.SignSeen) bool { return s.Sign == name })
	return &f.signs[i]
}

// holds says that a sign of life was found, or is not excluded.
func (f *facts) holds(name listener.Sign) bool { return f.sign(name).Holds() }

func life(o *listener.Owner) (listener.Life, bool) {
	if o.Evidence == nil {
		return listener.Life{}, false
	}
	return o.Evidence.Life.Get()
}

const unmeasured = "not measured yet"

// inert gives for how long a process has stood still, 0 unless that is known.
func inert(o *listener.Owner) time.Duration {
	l, _ := life(o)
	return l.Inert.Or(0)
}

func (f *facts) runs(o *listener.Owner) (listener.Maybe[bool], string) {
	l, known := life(o)
	still, measured := l.Inert.Get()
	switch {
	case !known || !measured || l.Followed == 0:
		return unknown(), unmeasured
	case still < l.Followed && still < f.within:
		return yes(), fmt.Sprintf("%d time slices in %s, the last %s ago", l.Slices, l.Followed.Round(time.Second), still.Round(time.Second))
	default:
		return no(), fmt.Sprintf("no time slice in %s", still.Round(time.Second))
	}
}

// shown turns what the watcher recorded of a sign into an answer and its words.
func (f *facts) shown(s *listener.Shown, never string) (listener.Maybe[bool], string) {
	alive := s.Within(f.within)
	switch ago, was := s.Ago.Get(); {
	case alive == unknown() && s.Known:
		return alive, "it could not be looked for all the time"
	case alive == unknown():
		return alive, unmeasured
	case was:
		return alive, fmt.Sprintf("%s, %s ago", s.What, ago.Round(time.Second))
	default:
		return alive, never
	}
}

func (f *facts) movesBytes(o *listener.Owner) (listener.Maybe[bool], string) {
	l, _ := life(o)
	return f.shown(&l.Moved, "none")
}

// servesElsewhere says whether it accepts or receives on something else. If another listener
// of it accepted while it was not inert, it may have been the one that accepted, also where
// it shares that listener.
func (f *facts) servesElsewhere(o *listener.Owner) (listener.Maybe[bool], string) {
	l, known := life(o)
	alive, value := f.shown(&l.Served, "nothing")
	if alive == yes() {
		return alive, value
	}
	if known && inert(o) >= f.within {
		return no(), "nothing: it did not run"
	}
	for _, m := range f.snap.Listeners {
		if m.Key == f.l.Key || !slices.ContainsFunc(m.Owners, func(k listener.Owner) bool { return k.PID == o.PID }) {
			continue
		}
		// What was accepted while it stood still was accepted by others.
		at, accepted := m.LastAccept.Get()
		if ago := f.snap.Time.Sub(at); accepted && ago < f.within && ago >= inert(o) {
			return yes(), fmt.Sprintf("%s accepted %s ago", m.Local, ago.Round(time.Second))
		}
	}
	return alive, value
}

// waits says whether some thread waits for somebody alive, or for nobody knows what, or all
// are at dead ends but something else may wake the process. The back-off of a loop whose
// accept fails is no wait.
func (f *facts) waits(o *listener.Owner) (listener.Maybe[bool], string) {
	l, known := life(o)
	switch {
	case !known || len(l.Waits) == 0 || threadsKnown(&l) < o.Evidence.Total:
		return unknown(), "not known of all threads"
	case f.refused(o):
		return no(), "it waits between accepts that fail"
	}
	var alive, dead []string
	for i := range l.Waits {
		w := &l.Waits[i]
		switch {
		case w.For == listener.ForNothing, w.For == listener.ForSIGCONT:
		case w.DeadEnd():
			dead = append(dead, w.String())
		default:
			alive = append(alive, w.String())
		}
	}
	if len(alive) > 0 {
		return yes(), strings.Join(alive, "; ")
	}
	if shown, value := f.shown(&l.Alive, ""); shown != no() {
		return shown, value
	}
	if shown, value := f.shown(&l.Asked, ""); shown != no() {
		return shown, value
	}
	if len(dead) > 0 && !l.Alone() {
		return yes(), strings.Join(append(dead, others(&l)...), "; ")
	}
	return no(), strings.Join(dead, "; ")
}

// threadsKnown gives of how many threads it is known what they wait for.
func threadsKnown(l *listener.Life) int {
	n := 0
	for i := range l.Waits {
		n += l.Waits[i].Threads
	}
	return n
}

// others gives what beside its own threads could wake a process.
func others(l *listener.Life) []string {
	var all []string
	if l.Children > 0 {
		all = append(all, "a child of it lives")
	}
	for _, o := range []struct {
		is   listener.Maybe[bool]
		what string
	}{
		{l.Timers, "a timer is armed"}, {l.Async, "a descriptor of it sends signals"},
		{l.SharesMemory, "another process shares its memory"}, {l.Rings, "it has an io_uring"},
	} {
		switch v, known := o.is.Get(); {
		case !known:
			all = append(all, "perhaps "+o.what)
		case v:
			all = append(all, o.what)
		}
	}
	return all
}

// lifted says that --allow-waiting lets all waits of a process pass.
func (f *facts) lifted(o *listener.Owner) bool {
	l, known := life(o)
	if !known || threadsKnown(&l) < o.Evidence.Total || !l.Alone() || l.Alive.Within(f.within) != no() {
		return false
	}
	return !slices.ContainsFunc(l.Waits, func(w listener.Wait) bool {
		return w.For != listener.ForNothing && w.For != listener.ForSIGCONT && !w.DeadEnd() && !w.Liftable()
	})
}

// atLimit says whether it goes on serving its clients and leaves new ones waiting. A server
// that lost its acceptor thread looks just the same.
func (f *facts) atLimit(o *listener.Owner) (listener.Maybe[bool], string) {
	l, known := life(o)
	if !known {
		return unknown(), unmeasured
	}
	if polled, value := f.shown(&l.Polled, ""); polled == yes() && !f.refused(o) {
		return yes(), value
	}
	if readers, n := readersOfClients(&l), o.Connections.Or(0); n > 0 && readers >= n {
		return yes(), fmt.Sprintf("a thread reads from each of its %d clients", n)
	}
	full, asked := o.Evidence.FilesFull.Get()
	ran, _ := f.shown(&l.Ran, "")
	switch {
	case inert(o) >= f.within:
		return no(), "it did not run, and polls nothing"
	case limits(l.Refused.Errno):
		return yes(), "accept fails for lack of descriptors or memory"
	case f.refused(o): // by an error that says something else
		return no(), "it tries to accept"
	case full:
		return yes(), "it can open no further descriptor"
	case !asked:
		return unknown(), "how many descriptors it may open is not known"
	case ran != no() && !spinning(o):
		return unknown(), "it ran: what it would wait for is not known"
	default:
		return no(), "it polls nothing, and has descriptors left"
	}
}

// readersOfClients counts the threads that read from connections of the listener's port.
func readersOfClients(l *listener.Life) int {
	n := 0
	for i := range l.Waits {
		if w := &l.Waits[i]; w.For == listener.ForData && w.Client {
			n += w.Threads
		}
	}
	return n
}

func (f *facts) told(o *listener.Owner) (listener.Maybe[bool], string) {
	switch {
	case traced(o):
		return yes(), "a thread of it is traced"
	case stopped(o):
		return yes(), "a thread of it is stopped"
	}
	switch is := frozen(o); is {
	case yes():
		return yes(), "it is frozen"
	case unknown():
		return unknown(), "whether it is frozen is not known"
	}
	return no(), "neither traced nor stopped nor frozen"
}
