package scenarios

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestHostWide: three processes of different groups stand still at once. Then the
// host is ill, not they.
func TestHostWide(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	r := arm(t, ns)
	var all []*process
	for _, addr := range []string{web, other, "127.0.0.1:82"} {
		all = append(all, serve(t, ns, server{Addr: addr, Answers: 2, Then: wayMutex}), serve(t, ns, server{Addr: addr}))
	}
	for _, addr := range []string{web, other, "127.0.0.1:82"} {
		load(t, ns, addr, 3)
	}
	held(t, r, "host-wide")
	only(t, r)
	for _, p := range all {
		if !p.alive() {
			t.Errorf("pid %d has ended", p.pid())
		}
	}
}

// TestBudget: of two that get stuck within its time one is ended, also by a run
// that is started after the act; and what the operator disarms acts no more.
func TestBudget(t *testing.T) {
	beside(t)
	ns, state := livetest.Netns(t), t.TempDir()
	r := armIn(t, ns, state)
	first, second := serve(t, ns, server{Addr: web, Answers: 3, Then: wayMutex}), serve(t, ns, server{Addr: web})
	hangs(t, ns, web)
	killed(t, r, first.pid(), "blocked")
	answered(t, ns, web)

	third := serve(t, ns, server{Addr: web, Then: wayMutex})
	inBudget := func(e told) bool {
		l := e.Listener
		return e.Event == "held" && l.Owners[0].PID == third.pid() && slices.Contains(l.Decision.Reasons, "budget")
	}
	r.await("held: budget", inBudget)
	time.Sleep(actsWithin)
	only(t, r, first.pid())

	again := armIn(t, ns, state)
	held(t, again, "budget")
	only(t, again)
	if !second.alive() || !third.alive() {
		t.Error("one that was not to be touched has ended")
	}
}

// TestDisarmed: a file in the state folder stops every act, and no longer when
// it is gone.
func TestDisarmed(t *testing.T) {
	beside(t)
	ns, state := livetest.Netns(t), t.TempDir()
	file := write(t, state, "disarmed", "")
	r := armIn(t, ns, state)
	stuck, sibling := serve(t, ns, server{Addr: web, Answers: 3, Then: wayMutex}), serve(t, ns, server{Addr: web})
	hangs(t, ns, web)
	held(t, r, "disarmed")
	if !stuck.alive() {
		t.Fatal("it has ended all the same")
	}
	if err := unix.Unlink(file); err != nil {
		t.Fatal(err)
	}
	killed(t, r, stuck.pid(), "blocked")
	answered(t, ns, web)
	only(t, r, stuck.pid())
	if !sibling.alive() {
		t.Error("its sibling has ended")
	}
}

// TestTriedAgain: an act that could not keep its evidence touches nothing and counts for
// nothing. It is done once there is room.
func TestTriedAgain(t *testing.T) {
	beside(t)
	ns, state := livetest.Netns(t), t.TempDir()
	evidence := write(t, t.TempDir(), "evidence", "no folder")
	r := armIn(t, ns, state, "--evidence-dir", evidence)
	stuck := serve(t, ns, server{Addr: web, Answers: 3, Then: wayMutex})
	stays(t, serve(t, ns, server{Addr: web}))
	hangs(t, ns, web)
	r.await("an act fails", func(e told) bool { return e.Event == "act_failed" })
	if !stuck.alive() {
		t.Fatal("it has ended all the same")
	}
	livetest.Eventually(t, "what it was counted for is given back", func() bool {
		acts, err := os.ReadFile(filepath.Join(state, "acts.json"))
		return err == nil && string(acts) == "[]"
	})
	if err := unix.Unlink(evidence); err != nil {
		t.Fatal(err)
	}
	r.await("an act that is done", func(e told) bool { return e.Event == "acted" && e.PID == stuck.pid() })
	livetest.Eventually(t, "its process has ended", func() bool { return gone(stuck.pid()) })
	only(t, r, stuck.pid())
}

// TestPausedAgent: two looks far apart prove nothing, for nobody looked between
// them. The agent is stopped soon after the server began to rest, and goes on
// shortly before the server does.
func TestPausedAgent(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	// Two seconds of its rest are looked at, and six are not.
	r := arm(t, ns, "--allow-sole", "--stuck-after", "4s", "--act-after", "4s")
	resting := serve(t, ns, server{Addr: web, Shared: true, Answers: 3, Then: wayPause, Pause: 8 * time.Second})
	stays(t, resting)
	c := hangs(t, ns, web)
	signal := func(s unix.Signal) {
		t.Helper()
		if err := unix.Kill(r.cmd.Process.Pid, s); err != nil {
			t.Fatal(err)
		}
	}
	signal(unix.SIGSTOP) // a second or so after the rest began: clients wait that long
	r.none("stuck")
	before := c.answered.Load()
	time.Sleep(6 * time.Second)
	signal(unix.SIGCONT)
	if c.answered.Load() != before {
		t.Fatal("the server did not rest all that time")
	}
	livetest.Eventually(t, "clients are answered again", func() bool { return c.answered.Load() > before })
	r.none("stuck")
	only(t, r)
}
