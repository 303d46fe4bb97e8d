package watch

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// script is a fake Source. It does what the real one cannot be made to do at will, such as
// losing events. The live tests use the real one.
type script struct {
	looks    []listener.Look
	events   []listener.Event
	held     []listener.Held
	depths   []listener.Depth
	censuses int
	counted  [][]listener.Key
	waiters  []listener.Waiter
	asks     []listener.Ask
	change   func(*listener.Process) // changes each process before it is given
	things   []listener.Thing
	omitted  []int
	sought   []listener.Key
	watched  []int
	calls    map[int]listener.Calls
}

func (s *script) Enter() error { return nil }

func (s *script) Look(d listener.Depth) (listener.Look, error) {
	s.depths = append(s.depths, d)
	if len(s.looks) == 0 {
		return listener.Look{}, errors.New("the script is over")
	}
	l := s.looks[0]
	s.looks = s.looks[1:]
	return l, nil
}

func (s *script) Events() ([]listener.Event, error) {
	events := s.events
	s.events = nil
	return events, nil
}

func (s *script) Census(each func(*listener.Held)) error {
	s.censuses++
	for i := range s.held {
		each(&s.held[i])
	}
	return nil
}

func (s *script) Waiters(*listener.Listener) ([]listener.Waiter, bool, error) {
	return s.waiters, true, nil
}

func (s *script) Things([]int) ([]listener.Thing, []int, error) { return s.things, s.omitted, nil }

func (s *script) Seek(objects []listener.Key) error {
	s.sought = objects
	return nil
}

func (s *script) WatchCalls(pids []int) error {
	s.watched = pids
	return nil
}

func (s *script) Calls() (map[int]listener.Calls, error) { return s.calls, nil }

// Processes reads /proc, and gives each process one thread. The tests of internal/kernel try
// the pass over the tasks.
func (s *script) Processes(ask listener.Ask) (map[int]*listener.Process, error) {
	s.asks = append(s.asks, ask)
	pids := slices.Concat(ask.Some, ask.Leaders, ask.Threads)
	for next := slices.Clone(pids); ask.All && len(next) > 0; next = next[1:] {
		if p, err := proc.New("").Process(next[0]); err == nil && p.PPID > 0 {
			next, pids = append(next, p.PPID), append(pids, p.PPID)
		}
	}
	found := make(map[int]*listener.Process)
	for _, pid := range pids {
		p, err := proc.New("").Process(pid)
		if err != nil {
			continue
		}
		session, _ := unix.Getsid(pid)
		process := &listener.Process{
			PID: pid, NSPID: p.NSPID, PPID: p.PPID, Session: session, Comm: p.Comm, UID: p.UID,
			State: string(p.State), Start: p.StartTicks, ThreadCount: 1, NetNS: 1, PIDNS: 1, Speaker: pid,
			Ended: listener.Used{IO: listener.Known(listener.IO{})},
		}
		if slices.Contains(ask.Threads, pid) {
			process.Threads = []listener.Task{{TID: pid, Comm: p.Comm, State: "S", Sched: listener.Known(listener.Sched{})}}
		}
		if s.change != nil {
			s.change(process)
		}
		found[pid] = process
	}
	return found, nil
}

func (s *script) SetCounted(in map[listener.Key]uint32) error {
	s.counted = append(s.counted, slices.Sorted(maps.Keys(in)))
	return nil
}

func sampleOf(key listener.Key, cookie listener.Cookie, h uint64, queue uint32) listener.Sample {
	s := waiting(h, queue)
	s.Key, s.Cookie, s.Group, s.Reuseport = key, cookie, 7, true
	s.Local = netip.MustParseAddrPort("127.0.0.1:80")
	return s
}

func look(second int, samples ...listener.Sample) listener.Look {
	return listener.Look{At: start().Add(time.Duration(second) * time.Second), Samples: samples, Listeners: len(samples)}
}

func watcher(s *script) *Watcher {
	return New(s, Options{
		Interval: time.Second, StuckAfter: 5 * time.Second,
		Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	})
}

func mustStart(t *testing.T, w *Watcher) *listener.Snapshot {
	t.Helper()
	snap, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func mustStep(t *testing.T, w *Watcher) *listener.Snapshot {
	t.Helper()
	if err := w.Step(); err != nil {
		t.Fatal(err)
	}
	snap := w.snapshot()
	shown := snap.Listeners
	for _, e := range w.table.order {
		if e.announced && (len(shown) == 0 || shown[0] != e.l) {
			t.Fatalf("the snapshot does not show what the table has of %s", e.l.Local)
		}
		if e.announced {
			shown = shown[1:]
		}
	}
	return snap
}

func TestSnapshotsNeverChange(t *testing.T) {
	s := &script{looks: []listener.Look{
		look(0, sampleOf(1, 1, 1, 1)), look(1, sampleOf(1, 1, 1, 2)), look(2, sampleOf(1, 1, 1, 3)),
	}}
	w := watcher(s)
	first := mustStart(t, w)
	before := *first.Listeners[0]
	mustStep(t, w)
	last := mustStep(t, w)
	unexported := cmp.AllowUnexported(listener.Rare[time.Time]{}, listener.Count{}, listener.Rare[float64]{},
		listener.Rare[time.Duration]{}, listener.Rare[listener.Caller]{}, listener.Rare[listener.Settings]{})
	addresses := cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
	if diff := cmp.Diff(before, *first.Listeners[0], unexported, addresses); diff != "" {
		t.Errorf("the first snapshot changed:\n%s", diff)
	}
	if l := last.Listeners[0]; l.Queue != 3 || l.Window.Samples != 3 || l.Window.Observed != 2*time.Second {
		t.Errorf("the last snapshot has queue %d, window %+v", l.Queue, l.Window)
	}
}

func TestSuspicionTakesACensusAndCountsTheGroup(t *testing.T) {
	other := sampleOf(2, 2, 0, 0)
	s := &script{looks: []listener.Look{
		look(0, sampleOf(1, 1, 1, 1), other), look(1, sampleOf(1, 1, 1, 1)),
		look(2, sampleOf(1, 1, 1, 1)), look(3, sampleOf(1, 1, 2, 1)),
	}}
	w := watcher(s)
	mustStart(t, w)
	if mustStep(t, w); s.censuses != 1 {
		t.Errorf("%d censuses before anything is suspected, want the one of the start", s.censuses)
	}
	if mustStep(t, w); s.censuses != 2 {
		t.Errorf("%d censuses at the third look at one head, want 2", s.censuses)
	}
	if len(s.counted) != 1 || len(s.counted[0]) != 2 {
		t.Errorf("counted %v, want both members of the group once", s.counted)
	}
	mustStep(t, w)
	if len(s.counted) != 2 || len(s.counted[1]) != 0 {
		t.Errorf("counted %v, want nobody after the accept", s.counted)
	}
}

// TestReplacedMemberIsCounted: a sibling ends, and another one gets its address, which is not
// counted unless the watcher asks for it.
func TestReplacedMemberIsCounted(t *testing.T) {
	standing := func(second int, sibling listener.Cookie) listener.Look {
		return look(second, sampleOf(1, 1, 1, 1), sampleOf(2, sibling, 0, 0))
	}
	s := &script{looks: []listener.Look{standing(0, 2), standing(1, 2), standing(2, 2), standing(3, 2), standing(4, 3)}}
	w := watcher(s)
	mustStart(t, w)
	for range 3 {
		mustStep(t, w)
	}
	if len(s.counted) != 1 {
		t.Fatalf("counted %v, want both once", s.counted)
	}
	if mustStep(t, w); len(s.counted) != 2 || len(s.counted[1]) != 2 {
		t.Errorf("counted %v, want both again", s.counted)
	}
}

// TestAcceptedWhileMadeAnew: the kernel side was loaded anew, with counters that begin at 0.
// What they show at the next look has come since the last one.
func TestAcceptedWhileMadeAnew(t *testing.T) {
	anew := sampleOf(1, 1, 0, 0)
	anew.Queued, anew.QueuedPlain = listener.Counted(uint64(5)), listener.Counted(uint64(5))
	old := anew
	old.Queued, old.QueuedPlain = listener.Counted(uint64(70)), listener.Counted(uint64(70))
	restarted := look(1, anew)
	restarted.Restarted = true
	w := watcher(&script{looks: []listener.Look{look(0, old), restarted}})
	mustStart(t, w)
	second := listener.Known(start().Add(time.Second))
	if l := mustStep(t, w).Listeners[0]; l.LastAccept.Maybe() != second || l.Accepted != listener.Counted(5) {
		t.Errorf("accepted %v, the last one at %v; want 5", l.Accepted, l.LastAccept)
	}
}

func TestBirthsAndDeaths(t *testing.T) {
	s := &script{looks: []listener.Look{look(0), look(1, sampleOf(1, 1, 0, 0)), look(2, sampleOf(3, 3, 0, 0)), look(3)}}
	w := watcher(s)
	mustStart(t, w)

	s.events = []listener.Event{
		{Kind: listener.ListenBegan, Key: 1, Cookie: 1, At: start(), PID: os.Getpid(), UID: 5, Comm: "caller"},
		{Kind: listener.ListenBegan, Key: 2, Cookie: 2, At: start()}, // its listen() fails
		{Kind: listener.ListenEnded, Key: 2, Cookie: 2, At: start()},
	}
	snap := mustStep(t, w)
	if len(snap.Listeners) != 1 || len(w.table.changes) != 1 || !w.table.changes[0].Began {
		t.Fatalf("%d listeners, changes %+v; want one birth", len(snap.Listeners), w.table.changes)
	}
	caller, _ := snap.Listeners[0].Caller.Get()
	want := listener.Caller{PID: os.Getpid(), UID: 5, Comm: "caller"}
	same := caller.PID == want.PID && caller.UID == want.UID && caller.Comm == want.Comm
	if !same || len(caller.Parents) == 0 {
		t.Errorf("caller %+v, want %+v", caller, want)
	}
	owners := snap.Listeners[0].Owners
	if len(owners) != 1 || owners[0].PID != os.Getpid() || snap.Listeners[0].OwnersKnown {
		t.Errorf("owners %+v, want the caller until a census knows", owners)
	}

	// The same address for a new socket, and a death that was missed before it.
	s.events = []listener.Event{{Kind: listener.ListenBegan, Key: 1, Cookie: 9, At: start()}}
	if snap = mustStep(t, w); len(snap.Listeners) != 1 || snap.Listeners[0].Cookie != 3 {
		t.Errorf("listeners %+v, want the old one gone and the new one not yet seen", snap.Listeners)
	}
	s.events = []listener.Event{{Kind: listener.ListenEnded, Key: 3, Cookie: 3, At: start()}}
	if snap = mustStep(t, w); len(snap.Listeners) != 0 {
		t.Errorf("%d listeners after the last died", len(snap.Listeners))
	}
}

func TestLostEventsAreMadeUpFor(t *testing.T) {
	lost := look(1)
	lost.Lost = true
	all := look(2, sampleOf(2, 2, 0, 0))
	all.Complete = true
	s := &script{looks: []listener.Look{look(0, sampleOf(1, 1, 0, 0)), lost, all}}
	w := watcher(s)
	mustStart(t, w)
	mustStep(t, w)
	snap := mustStep(t, w)
	want := []listener.Depth{listener.LookAll, listener.LookQuick, listener.LookAll}
	if diff := cmp.Diff(want, s.depths); diff != "" {
		t.Errorf("depths: %s", diff)
	}
	if len(snap.Listeners) != 1 || snap.Listeners[0].Cookie != 2 {
		t.Errorf("listeners %+v, want number 2 alone", snap.Listeners)
	}
}

func TestOwners(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	me, other := os.Getpid(), child.Process.Pid
	listens := func(pid, fd int, key listener.Key, port uint16) listener.Held {
		return listener.Held{Kind: listener.HeldListener, PID: pid, FD: fd, Key: key, Port: port, Netns: 1}
	}
	connected := func(pid, fd int, port uint16, netns uint32) listener.Held {
		return listener.Held{Kind: listener.HeldConnection, PID: pid, FD: fd, Port: port, Netns: netns}
	}
	s := &script{
		looks: []listener.Look{look(0, sampleOf(1, 1, 1, 1))},
		held: []listener.Held{
			listens(other, 3, 1, 80), listens(other, 9, 1, 80), listens(me, 4, 1, 80), listens(me, 5, 2, 81),
			connected(me, 6, 80, 1), connected(me, 7, 80, 2), connected(me, 8, 81, 1),
			listens(1<<30, 3, 1, 80), // gone before anybody could look
		},
	}
	s.looks[0].Samples[0].Netns = 1
	l := mustStart(t, watcher(s)).Listeners[0]
	if !l.OwnersKnown || len(l.Owners) != 2 {
		t.Fatalf("owners %+v, want two, one a pid", l.Owners)
	}
	for _, o := range l.Owners {
		fd, _ := o.FD.Get()
		n, _ := o.Connections.Get()
		elsewhere, known := o.AcceptedElsewhere.Get()
		switch o.PID {
		case me:
			if fd != 4 || n != 1 || !elsewhere || !known {
				t.Errorf("own row %+v: want descriptor 4, the connection of port 80 in this namespace, one elsewhere", o)
			}
		case other:
			if fd != 3 || n != 0 || elsewhere || !known || o.Comm != "sleep" || o.Start == 0 {
				t.Errorf("the child's row %+v", o)
			}
		}
	}
}
