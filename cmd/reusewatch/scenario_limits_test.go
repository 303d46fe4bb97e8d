package main

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestHostWide: three processes of different groups stand still at once. Then the
// host is ill, not they.
func TestHostWide(t *testing.T) {
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
	ns, state := livetest.Netns(t), t.TempDir()
	r := armIn(t, ns, state)
	first, second := serve(t, ns, server{Addr: web, Answers: 3, Then: wayMutex}), serve(t, ns, server{Addr: web})
	hangs(t, ns, web)
	killed(t, r, first.pid(), "blocked")
	answered(t, ns, web)

	third := serve(t, ns, server{Addr: web, Then: wayMutex})
	inBudget := func(e told) bool {
		return e.Event == "held" && e.Listener.Owners[0].PID == third.pid() && slices.Contains(e.Listener.Decision.Reasons, "budget")
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

// TestPausedAgent: two looks far apart prove nothing, for nobody looked between
// them. The agent is stopped soon after the server began to rest, and goes on
// shortly before the server does.
func TestPausedAgent(t *testing.T) {
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
