package listener

import "time"

// Tick is the unit of Start and of the times of processes: USER_HZ is 100 wherever Go runs.
const Tick = time.Second / 100

// BegunAfter says whether who accepts from a listener began after a moment: its process
// started, or it listened, later. A socket is not enough to tell: a reload may hand the
// old one on to a new worker. Where it is not so, by is the owner that speaks against it;
// nil: who of its owners accepts is not known, or it has none.
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
	// Some are older: a master, whose workers are new; or the server itself, and the new
	// one is a job of it that inherited the listener.
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

// accepts is the one of these owners that was seen to wait for clients, else the first.
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

// startedAfter: a start is told in ticks, cut down, so one in the tick of the moment
// counts as after it. What is not known is not.
func (o *Owner) startedAfter(moment time.Time) bool {
	return !o.Started.IsZero() && o.Started.Add(Tick).After(moment)
}

// ListeningSince is when a listener began to listen, and whether that was seen: of
// one older than reusewatch it is when its oldest owner started.
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
