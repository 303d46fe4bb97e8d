package listener

import "time"

// Tick is the unit of Start and of the times of processes: USER_HZ is 100 wherever Go runs.
const Tick = time.Second / 100

// BegunAfter says whether the owner that accepts from a listener began after a moment: its
// process started, or it called listen(), later. The age of the socket does not tell, for a
// reload may hand an old socket on to a new worker. If after is false, by is the owner that
// began before; nil if the listener has no owner, or it is not known which of them accepts.
func (l *Listener) BegunAfter(moment time.Time) (after bool, by *Owner) {
	if at, seen := l.ListenedAt.Get(); seen && at.After(moment) {
		return true, nil
	}
	var older []*Owner
	for i := range l.Owners {
		if o := &l.Owners[i]; !o.startedAfter(moment) {
			older = append(older, o)
		}
	}
	switch {
	case len(l.Owners) == 0:
		return false, nil
	case len(older) == 0:
		return true, nil
	case len(older) == len(l.Owners):
		return false, l.accepts(older)
	}
	// Some owners are older: a master with new workers; or the server itself, one of whose
	// jobs inherited the listener.
	if o := l.accepts(older); o.waited(l.Acceptors) {
		return false, o
	}
	for i := range l.Owners {
		if l.Owners[i].waited(l.Acceptors) {
			return true, nil
		}
	}
	return false, nil
}

// accepts gives the first of these owners that was seen to wait for clients, else the first.
func (l *Listener) accepts(among []*Owner) *Owner {
	for _, o := range among {
		if o.waited(l.Acceptors) {
			return o
		}
	}
	return among[0]
}

func (o *Owner) waited(seen []Acceptor) bool {
	for _, a := range seen {
		if a.PID == o.PID && a.Start == o.Start {
			return true
		}
	}
	return false
}

// startedAfter says whether a process started after a moment. A start is rounded down to a
// tick, so one in the same tick counts as after it. An unknown start does not.
func (o *Owner) startedAfter(moment time.Time) bool {
	return !o.Started.IsZero() && o.Started.Add(Tick).After(moment)
}

// ListeningSince gives when a listener began to listen, and whether that was seen: for one
// older than reusewatch it is when its oldest owner started.
func (l *Listener) ListeningSince() (since time.Time, seen bool) {
	if at, known := l.ListenedAt.Get(); known {
		return at, true
	}
	for i := range l.Owners {
		if s := l.Owners[i].Started; !s.IsZero() && (since.IsZero() || s.Before(since)) {
			since = s
		}
	}
	return since, false
}
