package watch

import (
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// crowd has a thousand processes of user 1 with a hundred threads each, and one of user 2.
func crowd() (w *Watcher, pids []int, victim int) {
	w = watcher(&script{})
	w.procs.met, w.suspects.lives = make(map[int]*listener.Process), make(map[identity]*life)
	for pid := 1; pid <= 1000; pid++ {
		w.procs.met[pid] = &listener.Process{PID: pid, RealUID: 1, ThreadCount: 100}
		pids = append(pids, pid)
	}
	victim = 2000
	w.procs.met[victim] = &listener.Process{PID: victim, RealUID: 2, ThreadCount: 4000}
	return w, append(pids, victim), victim
}

// TestNobodysManyKeepOutOne: if there is room for some suspects only, each user has a share
// of it, and the suspects of one user take turns.
func TestNobodysManyKeepOutOne(t *testing.T) {
	w, pids, victim := crowd()
	followed := make(map[int]int)
	const looks = 20
	for range looks {
		picked, left := w.suspects.pick(pids)
		cost := 0
		for _, pid := range picked {
			cost += w.suspects.cost(pid)
			w.suspects.lives[identityOf(w.procs.met[pid])] = &life{turn: w.suspects.turn}
			followed[pid]++
		}
		if cost > followRoom || len(left) == 0 || len(picked)+len(left) != len(pids) {
			t.Fatalf("%d are followed, at a cost of %d of %d, %d are not", len(picked), cost, followRoom, len(left))
		}
		if !slices.Contains(picked, victim) {
			t.Fatal("the one of another user is not followed")
		}
	}
	for _, pid := range pids {
		if n := followed[pid]; n == 0 || pid != victim && n == looks {
			t.Fatalf("process %d was followed in %d of %d looks: they are to take turns", pid, n, looks)
		}
	}
}

// TestLeftOutIsUnknown: nothing is known of a process that this look does not follow, or that
// holds too much, whatever was known before.
func TestLeftOutIsUnknown(t *testing.T) {
	s := &script{held: []listener.Held{{Kind: listener.HeldListener, PID: 1, FD: 3, Key: 1, Port: 80}}}
	for second := range 20 {
		s.looks = append(s.looks, look(second, sampleOf(1, 1, 1, 3)))
	}
	w := watcher(s)
	mustStart(t, w)
	life := func() listener.Maybe[listener.Life] {
		l := mustStep(t, w).Listeners[0]
		if len(l.Owners) != 1 || l.Owners[0].Evidence == nil {
			t.Fatalf("owners %+v", l.Owners)
		}
		return l.Owners[0].Evidence.Life
	}
	for range 4 {
		mustStep(t, w)
	}
	if !life().IsKnown() {
		t.Fatal("of who is followed nothing is known")
	}
	s.omitted, w.suspects.linked = []int{1}, []int{1}
	if life().IsKnown() || w.suspects.leftOut != 1 {
		t.Errorf("something is known of who holds too much; %d are left out", w.suspects.leftOut)
	}
	s.omitted = nil
	life()
	if !life().IsKnown() {
		t.Error("it is followed again, and nothing is known")
	}
}
