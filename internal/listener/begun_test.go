package listener

import (
	"testing"
	"time"
)

// TestBegunAfter goes through who holds a listener, and who of them accepts.
func TestBegunAfter(t *testing.T) {
	moment := time.Date(2026, 11, 3, 11, 20, 0, 0, time.UTC)
	const older, newer = -time.Hour, time.Second
	owner := func(pid int, at time.Duration) Owner {
		return Owner{Holder: &Holder{PID: pid, Start: uint64(pid), Started: moment.Add(at)}}
	}
	waits := func(pids ...int) (all []Acceptor) {
		for _, pid := range pids {
			all = append(all, Acceptor{PID: pid, Start: uint64(pid)})
		}
		return all
	}
	oldAndNew := []Owner{owner(1, older), owner(2, newer)}
	withAnOld := []Owner{owner(1, older), owner(2, newer), owner(3, older)}
	for name, c := range map[string]struct {
		l     Listener
		after bool
		by    int // 0: nobody
	}{
		"nobody holds it":                     {l: Listener{}},
		"an old process":                      {l: Listener{Owners: []Owner{owner(1, older)}}, by: 1},
		"a new process":                       {l: Listener{Owners: []Owner{owner(2, newer)}}, after: true},
		"one that started in the same tick":   {l: Listener{Owners: []Owner{owner(2, -time.Millisecond)}}, after: true},
		"one that started in the tick before": {l: Listener{Owners: []Owner{owner(1, -Tick)}}, by: 1},
		"one whose start is not known":        {l: Listener{Owners: []Owner{{Holder: &Holder{PID: 1}}}}, by: 1},
		"an old master, a new worker waits":   {l: Listener{Owners: oldAndNew, Acceptors: waits(2)}, after: true},
		"an old server waits, and has a job":  {l: Listener{Owners: oldAndNew, Acceptors: waits(1)}, by: 1},
		"old and new workers wait":            {l: Listener{Owners: withAnOld, Acceptors: waits(2, 3)}, by: 3},
		"nobody was seen to wait":             {l: Listener{Owners: oldAndNew}},
		"who waited holds it no more":         {l: Listener{Owners: oldAndNew, Acceptors: waits(3)}},
		"all old, and the worker is named": {
			l: Listener{Owners: []Owner{owner(1, older), owner(2, older)}, Acceptors: waits(2)}, by: 2,
		},
		"an old process that listened just now": {
			l: Listener{Sample: Sample{ListenedAt: Rarely(moment.Add(newer))}, Owners: []Owner{owner(1, older)}}, after: true,
		},
		"an old socket with a new worker": {
			l: Listener{Sample: Sample{ListenedAt: Rarely(moment.Add(older))}, Owners: []Owner{owner(2, newer)}}, after: true,
		},
	} {
		after, by := c.l.BegunAfter(moment)
		pid := 0
		if by != nil {
			pid = by.PID
		}
		if after != c.after || pid != c.by {
			t.Errorf("%s: after %v, by pid %d; want %v, %d", name, after, pid, c.after, c.by)
		}
	}
}
