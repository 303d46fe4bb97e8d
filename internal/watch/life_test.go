package watch

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// followed is a life that gets its looks from the test: no real process can be made to show
// all that the kernel may report.
type followed struct {
	life
	p     listener.Process
	s     seen
	looks int
}

func follows() *followed {
	return &followed{
		p: listener.Process{
			PID: 7, ThreadCount: 1, MemoryUsers: 1, Timers: listener.Known(false),
			Ended: listener.Used{IO: listener.Known(listener.IO{})},
			Threads: []listener.Task{{
				TID: 7, State: "S", Wchan: "wait_for_partner",
				Sched: listener.Known(listener.Sched{Slices: 5}),
			}},
		},
		s: seen{step: time.Second, ends: &ends{}},
	}
}

// look lets a second pass and updates the life by one look.
func (f *followed) look() listener.Life {
	f.looks++
	f.s.at = start().Add(time.Duration(f.looks) * time.Second)
	p := f.p
	p.Threads = append([]listener.Task(nil), f.p.Threads...)
	f.update(&p, &f.s)
	l, _ := f.of(1).Get()
	return l
}

func (f *followed) slice() {
	s, _ := f.p.Threads[0].Sched.Get()
	s.Slices++
	f.p.Threads[0].Sched = listener.Known(s)
}

func TestInert(t *testing.T) {
	f := follows()
	f.look()
	if f.of(1).IsKnown() {
		t.Error("one look tells of a life")
	}
	for range 4 {
		f.look()
	}
	if l := f.look(); l.Inert != listener.Known(5*time.Second) || l.Followed != 5*time.Second || l.Slices != 0 {
		t.Errorf("still: %+v", l)
	}
	for name, c := range map[string]struct{ change func(*followed) }{
		"a time slice":       {(*followed).slice},
		"it is runnable":     {func(f *followed) { f.p.Threads[0].State = "R" }},
		"it waits elsewhere": {func(f *followed) { f.p.Threads[0].Wchan = "pipe_read" }},
		"another thread":     {func(f *followed) { f.p.Threads[0].TID++ }},
		"one more": {func(f *followed) {
			f.p.ThreadCount++
			f.p.Threads = append(f.p.Threads, listener.Task{TID: 9, Sched: listener.Known(listener.Sched{})})
		}},
		"one has ended":          {func(f *followed) { f.p.ThreadCount, f.p.Threads = 1, f.p.Threads[:1] }},
		"a thread of its number": {func(f *followed) { f.p.Threads[0].Start++ }},
	} {
		f := follows()
		if name == "one has ended" {
			f.p.ThreadCount, f.p.Threads = 2, append(f.p.Threads, listener.Task{TID: 9, Sched: listener.Known(listener.Sched{})})
		}
		f.look()
		f.look()
		c.change(f)
		if l := f.look(); l.Inert != listener.Known(time.Duration(0)) {
			t.Errorf("%s: inert %+v", name, l.Inert)
		}
		f.p.Threads[0].State = "S"
		f.look()
		if l := f.look(); l.Inert.Or(0) < time.Second {
			t.Errorf("%s, and then nothing: inert %+v", name, l.Inert)
		}
	}
	for name, change := range map[string]func(*followed){
		"not all threads are told of": func(f *followed) { f.p.ThreadCount = 2 },
		"slices are not counted":      func(f *followed) { f.p.Threads[0].Sched = listener.Maybe[listener.Sched]{} },
	} {
		f := follows()
		change(f)
		f.look()
		if l := f.look(); l.Inert.IsKnown() {
			t.Errorf("%s: inert %+v", name, l.Inert)
		}
	}
}

// TestPausedAgent: time that passed while nobody looked proves nothing.
func TestPausedAgent(t *testing.T) {
	f := follows()
	f.look()
	f.look()
	f.looks += 3600
	if l := f.look(); l.Inert != listener.Known(2*time.Second) {
		t.Errorf("inert %+v after an hour's pause", l.Inert)
	}
}

func TestMoved(t *testing.T) {
	udp, epoll := listener.Thing{Kind: listener.ThingUDP, Object: 4}, listener.Thing{Kind: listener.ThingEpoll}
	yes, no, unknown := listener.Known(true), listener.Known(false), listener.Maybe[bool]{}
	ran := func(io listener.IO) func(*followed) {
		return func(f *followed) {
			f.slice()
			f.p.Ended.IO = listener.Known(io)
		}
	}
	for name, c := range map[string]struct {
		change func(*followed)
		things []listener.Thing
		want   listener.Maybe[bool]
	}{
		"nothing":                    {func(*followed) {}, nil, no},
		"it ran, and read and wrote": {ran(listener.IO{ReadBytes: 100}), nil, yes},
		"it ran, and woke itself":    {ran(listener.IO{ReadBytes: 8, ReadCalls: 1}), []listener.Thing{epoll}, no},
		"it ran, and took a job":     {ran(listener.IO{ReadBytes: 1, ReadCalls: 1}), nil, yes},
		"it ran, and holds a UDP socket whose reads nobody counts": {(*followed).slice, []listener.Thing{udp}, unknown},
		"it stood still, and holds one":                            {func(*followed) {}, []listener.Thing{udp}, no},
		"calls moved bytes": {func(f *followed) {
			f.slice()
			f.s.calls = listener.Known(listener.Calls{Received: 9})
		}, []listener.Thing{udp}, yes},
		"a log of accepts that fail": {func(f *followed) {
			f.slice()
			f.p.Ended.IO = listener.Known(listener.IO{WrittenBytes: 100})
			f.s.calls = listener.Known(listener.Calls{Refused: map[listener.Key]listener.Refusal{1: {N: 1, Errno: 1}}})
		}, nil, no},
	} {
		f := follows()
		f.s.things, f.s.calls = c.things, listener.Known(listener.Calls{})
		if name == "it ran, and holds a UDP socket whose reads nobody counts" {
			f.s.calls = listener.Maybe[listener.Calls]{}
		}
		f.look()
		c.change(f)
		l := f.look()
		if got := l.Moved.Within(time.Second); got != c.want {
			t.Errorf("%s: %+v", name, l.Moved)
		}
	}
}

// TestWantsCalls: the calls of a process that runs are watched for a while.
func TestWantsCalls(t *testing.T) {
	f := follows()
	for range 5 {
		f.look()
		if f.wantsCalls() {
			t.Fatal("watched, of one that stands still")
		}
	}
	on, off := 0, 0
	for range 900 {
		f.slice()
		f.look()
		if f.wantsCalls() {
			on++
		} else {
			off++
		}
	}
	if on < 200 || on > 400 || off < 500 {
		t.Errorf("watched in %d looks, not in %d", on, off)
	}
}

// lending is a host on which somebody uses the memory of a process for so many passes.
type lending struct {
	Source
	passes int
}

func (l *lending) Processes(ask listener.Ask) (map[int]*listener.Process, error) {
	users := 1
	if l.passes--; l.passes >= 0 {
		users = 2
	}
	all := make(map[int]*listener.Process)
	for _, pid := range append(ask.Some, ask.Threads...) {
		all[pid] = &listener.Process{PID: pid, Start: 1, ThreadCount: 1, MemoryUsers: users}
	}
	return all, nil
}

// TestLentMemory: a reader of the command line of a process in /proc uses its memory
// meanwhile, and is not taken for a process that shares it.
func TestLentMemory(t *testing.T) {
	for passes, shares := range map[int]bool{0: false, 1: false, lentAsks: false, lentAsks + 1: true, 100: true} {
		ps := &population{src: &lending{passes: passes}}
		var err error
		if ps.met, err = ps.src.Processes(listener.Ask{Threads: []int{7}}); err == nil {
			err = ps.lent([]int{7, 8})
		}
		if err != nil || (ps.met[7].MemoryUsers > 1) != shares {
			t.Errorf("lent for %d passes: %d users, %v", passes, ps.met[7].MemoryUsers, err)
		}
	}
}
