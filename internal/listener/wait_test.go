package listener

import (
	"testing"
	"time"
)

func TestWaitDeadEnds(t *testing.T) {
	other, halted := []End{{PID: 7}}, []End{{PID: 7, Halted: true}}
	for name, c := range map[string]struct {
		wait Wait
		want bool
	}{
		"open of a FIFO":                   {Wait{For: ForFIFO}, true},
		"a private futex":                  {Wait{For: ForFutex}, true},
		"FUSE":                             {Wait{For: ForFUSE}, true},
		"pause":                            {Wait{For: ForSignal}, true},
		"a pipe nobody reads from":         {Wait{For: ForReader, Still: time.Second, AllEnds: true, Ends: other}, true},
		"a pipe that was read from":        {Wait{For: ForReader, AllEnds: true, Ends: other}, false},
		"a pipe with unknown readers":      {Wait{For: ForReader, Still: time.Second, Ends: other}, false},
		"a pipe that it alone reads from":  {Wait{For: ForReader, Still: time.Second, AllEnds: true}, true},
		"a pipe whose reader is stopped":   {Wait{For: ForReader, Still: time.Second, AllEnds: true, Ends: halted}, false},
		"what it alone could write":        {Wait{For: ForData, AllEnds: true}, true},
		"what another could write":         {Wait{For: ForData, AllEnds: true, Ends: other}, false},
		"what nobody knows who could":      {Wait{For: ForData}, false},
		"a timer":                          {Wait{For: ForTimer, AllEnds: true}, false},
		"a child":                          {Wait{For: ForChild}, false},
		"a lock on a file":                 {Wait{For: ForLock, AllEnds: true}, false},
		"NFS":                              {Wait{For: ForNetFS}, false},
		"a disk":                           {Wait{For: ForDisk}, false},
		"events":                           {Wait{For: ForEvents}, false},
		"one descriptor":                   {Wait{For: ForOne}, false},
		"clients":                          {Wait{For: ForClients}, false},
		"room to send":                     {Wait{For: ForPeer, AllEnds: true}, false},
		"a wait that nobody can read":      {Wait{For: ForUnknown}, false},
		"nothing, for it runs":             {Wait{For: ForNothing}, false},
		"a wait of a later version's kind": {Wait{For: "moon"}, false},
	} {
		if got := c.wait.DeadEnd(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLiftable(t *testing.T) {
	for name, c := range map[string]struct {
		wait Wait
		want bool
	}{
		"a peer on another host":  {Wait{For: ForData, Thing: ThingConnection}, true},
		"a peer":                  {Wait{For: ForData, AllEnds: true, Ends: []End{{PID: 7, Then: ForNothing}}}, true},
		"a pipe's unknown writer": {Wait{For: ForData, Thing: ThingPipe}, false},
		"a lock's unknown holder": {Wait{For: ForLock}, false},
		"one of two is stopped":   {Wait{For: ForData, AllEnds: true, Ends: []End{{PID: 7}, {PID: 8, Halted: true}}}, false},
		"it sleeps":               {Wait{For: ForLock, AllEnds: true, Ends: []End{{PID: 7, Then: ForTimer}}}, false},
		"it waits for its child":  {Wait{For: ForLock, AllEnds: true, Ends: []End{{PID: 7, Then: ForChild}}}, false},
		"NFS":                     {Wait{For: ForNetFS}, true},
		"room to send":            {Wait{For: ForPeer, Thing: ThingConnection}, false},
		"a timer":                 {Wait{For: ForTimer}, false},
		"a child":                 {Wait{For: ForChild}, false},
		"events":                  {Wait{For: ForEvents}, false},
		"unknown":                 {Wait{For: ForUnknown}, false},
	} {
		if got := c.wait.Liftable(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAtDeadEnds(t *testing.T) {
	not := Known(false)
	dead := func() Life {
		return Life{
			Waits:  []Wait{{For: ForFIFO, Threads: 1}, {For: ForFutex, Threads: 3}},
			Timers: not, Async: not, SharesMemory: not, Rings: not,
		}
	}
	if l := dead(); !l.AtDeadEnds() {
		t.Fatal("every thread is at one, and it is not")
	}
	for name, change := range map[string]func(*Life){
		"no thread is told of":    func(l *Life) { l.Waits = nil },
		"one thread waits":        func(l *Life) { l.Waits[1].For = ForTimer },
		"a child lives":           func(l *Life) { l.Children = 1 },
		"a timer is armed":        func(l *Life) { l.Timers = Known(true) },
		"a descriptor signals":    func(l *Life) { l.Async = Known(true) },
		"memory is shared":        func(l *Life) { l.SharesMemory = Known(true) },
		"a ring":                  func(l *Life) { l.Rings = Known(true) },
		"timers are not known":    func(l *Life) { l.Timers = Maybe[bool]{} },
		"signals are not known":   func(l *Life) { l.Async = Maybe[bool]{} },
		"memory is not known":     func(l *Life) { l.SharesMemory = Maybe[bool]{} },
		"io_uring: nobody knows":  func(l *Life) { l.Rings = Maybe[bool]{} },
		"one thread is in accept": func(l *Life) { l.Waits[0].For = ForClients },
	} {
		l := dead()
		change(&l)
		if l.AtDeadEnds() {
			t.Errorf("%s, and it is at a dead end", name)
		}
	}
}

func TestWithin(t *testing.T) {
	yes, no, unknown := Known(true), Known(false), Maybe[bool]{}
	for name, c := range map[string]struct {
		shown Shown
		want  Maybe[bool]
	}{
		"never":                       {Shown{Known: true}, no},
		"nobody looked":               {Shown{}, unknown},
		"a moment ago":                {Shown{Known: true, Ago: Known(time.Second)}, yes},
		"long ago":                    {Shown{Known: true, Ago: Known(time.Minute)}, no},
		"long ago, and a gap since":   {Shown{Known: true, Ago: Known(time.Minute), Gap: Known(time.Second)}, unknown},
		"a moment ago, and a gap":     {Shown{Known: true, Ago: Known(time.Second), Gap: Known(time.Second)}, yes},
		"never, but a gap long ago":   {Shown{Known: true, Gap: Known(time.Minute)}, no},
		"never, but a gap just now":   {Shown{Known: true, Gap: Known(time.Duration(0))}, unknown},
		"never, but a gap within all": {Shown{Known: true, Gap: Known(10*time.Second - 1)}, unknown},
	} {
		if got := c.shown.Within(10 * time.Second); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
