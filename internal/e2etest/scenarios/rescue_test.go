package scenarios

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// armTo is arm for another action than kill.
func armTo(t *testing.T, ns *livetest.Namespace, action string, args ...string) *runner {
	t.Helper()
	return arm(t, ns, append([]string{"--action", action}, args...)...)
}

// starter starts a server that listens on `web`.
type starter func(*testing.T, *livetest.Namespace, string) *process

// stuckScene is a stuck server, one that is well, and what an act needs.
type stuckScene struct {
	stuck, healthy starter
	args           []string
}

func stuckScenes() map[string]stuckScene {
	haproxy := func(t *testing.T, ns *livetest.Namespace, dir string) *process { return healthyHaproxy(t, ns, dir) }
	own := func(s server) starter {
		return func(t *testing.T, ns *livetest.Namespace, _ string) *process { return serve(t, ns, s) }
	}
	return map[string]stuckScene{
		"fifo":   {stuckOnFIFO, haproxy, nil},
		"stderr": {stuckOnStderr, haproxy, nil},
		"chroot": {stuckInChroot, haproxy, nil},
		"stopped": {func(t *testing.T, ns *livetest.Namespace, dir string) *process {
			p := healthyHaproxy(t, ns, dir)
			sigstop(t, p.pid())
			return p
		}, haproxy, []string{"--allow-stopped"}},
		"own server": {own(server{Addr: web, Then: wayMutex}), own(server{Addr: web}), nil},
		// Its clients speak plain TCP, as most do to a Go server.
		"MPTCP": {own(server{Addr: web, Then: wayMutex, MPTCP: true}), own(server{Addr: web, MPTCP: true}), nil},
	}
}

// TestRescue: who waits in the queue of a server that is stuck is answered by the
// other one, whether the stuck one is ended or only its listener is closed;
// its sibling is not touched.
func TestRescue(t *testing.T) {
	beside(t)
	for name, scene := range stuckScenes() {
		for _, action := range []string{"kill", "close"} {
			t.Run(name+", "+action, func(t *testing.T) {
				beside(t)
				ns, dir := livetest.Netns(t), t.TempDir()
				stuck, healthy := scene.stuck(t, ns, dir), scene.healthy(t, ns, dir)
				v := queueUp(t, ns, web, 300)
				r := armTo(t, ns, action, scene.args...)
				load(t, ns, web, 4) // its sibling must be seen to accept
				e := rescued(t, r, stuck.pid())
				o := v.outcome(t)
				if o != (outcome{answered: 300}) {
					t.Errorf("%+v, want all of 300 answered (%+v)", o, e)
				}
				livetest.Fact("answered", o.answered)
				if action == "close" && (gone(stuck.pid()) || e.Method != "shutdown") {
					t.Errorf("by %s, and its process has ended %v", e.Method, gone(stuck.pid()))
				}
				answered(t, ns, web)
				only(t, r, stuck.pid())
				if !healthy.alive() {
					t.Error("the healthy one has ended")
				}
				nothingAttached(t, ns)
			})
		}
	}
}

// rescued waits for the act on a process and fails the test unless it went well.
func rescued(t *testing.T, r *runner, pid int) told {
	t.Helper()
	e := r.await("acted", func(e told) bool { return (e.Event == "acted" || e.Event == "act_failed") && e.PID == pid })
	if e.Event != "acted" {
		t.Fatalf("%s: %s", e.Event, e.Error)
	}
	t.Logf("by %s in %d ms: %s, %s rescued, %s stale", e.Method, e.TookMS, e.Rescue, count(e.Rescued), count(e.Stale))
	return e
}

// nothingAttached fails the test if a group of the namespace is left with a program, or its
// migration turned on. That no program is left anywhere is looked at when all tests are over.
func nothingAttached(t *testing.T, ns *livetest.Namespace) {
	t.Helper()
	k, err := kernel.Open(kernel.Options{LookOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	all, err := k.LookQueues()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all.Samples {
		if s.Netns == ns.Inode && s.Migration != 0 {
			t.Errorf("program %d that moves clients is left on %s", s.Migration, s.Local)
		}
	}
	if v := ns.ReadSysctl("net.ipv4.tcp_migrate_req"); v != "0" {
		t.Errorf("net.ipv4.tcp_migrate_req is %s", v)
	}
}

// TestRescueOff: without it they are lost, or the others would show nothing.
func TestRescueOff(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	stuck := stuckOnFIFO(t, ns, dir)
	healthyHaproxy(t, ns, dir)
	v := queueUp(t, ns, web, 100)
	load(t, ns, web, 4)
	r := armTo(t, ns, "close", "--rescue", "off")
	rescued(t, r, stuck.pid())
	if o := v.outcome(t); o != (outcome{reset: 100}) {
		t.Errorf("%+v, want all of 100 reset", o)
	}
	only(t, r, stuck.pid())
}

// TestStaleRequests: what clients asked for that have gone is not executed by
// the sibling, wherever they stood in the queue; whoever still waits is answered.
func TestStaleRequests(t *testing.T) {
	beside(t)
	for name, c := range map[string]struct {
		server server
		stays  func(i int) bool // of those who wait
	}{
		"gone ahead of the others":        {server{Addr: web}, func(i int) bool { return i >= 3000 }},
		"gone between the others":         {server{Addr: web}, func(i int) bool { return i%11 == 10 }},
		"gone ahead of the others, MPTCP": {server{Addr: web, MPTCP: true}, func(i int) bool { return i >= 3000 }},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: each takes 7000 descriptors
			ns := livetest.Netns(t)
			log := t.TempDir() + "/posts"
			c.server.Backlog, c.server.Posts = 4096, log
			serve(t, ns, c.server)
			c.server.Then = wayMutex
			stuck := serve(t, ns, c.server)
			v := queueUpWith(t, ns, web, 3300, post)
			before := posts(t, log)
			var stay []int
			for i, conn := range v.waiting {
				if c.stays(i) {
					stay = append(stay, i)
				} else {
					v.leave(conn)
				}
			}
			kept := &visitors{}
			for _, i := range stay {
				kept.waiting = append(kept.waiting, v.waiting[i])
			}
			load(t, ns, web, 4)
			r := armTo(t, ns, "kill")
			e := rescued(t, r, stuck.pid())
			if o := kept.outcome(t); o != (outcome{answered: len(stay)}) {
				t.Errorf("%+v, want all of %d answered", o, len(stay))
			}
			if n := posts(t, log) - before; n != len(stay) {
				t.Errorf("%d requests executed of %d who stayed: %+v", n, len(stay), e)
			}
			// Of those who only load it some have left too.
			if e.Stale == nil || *e.Stale < 3000 || *e.Stale > 3100 {
				t.Errorf("%s stale, want 3000 and a few", count(e.Stale))
			}
			only(t, r, stuck.pid())
			nothingAttached(t, ns)
		})
	}
}

// TestRescueTwoOfFour: two dead members are one act, so that who is moved from
// the one does not end with the other.
func TestRescueTwoOfFour(t *testing.T) {
	beside(t)
	for _, action := range []string{"kill", "close"} {
		t.Run(action, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			first := serve(t, ns, server{Addr: web, Then: wayMutex})
			second := serve(t, ns, server{Addr: web, Then: wayMutex})
			stays(t, serve(t, ns, server{Addr: web}))
			stays(t, serve(t, ns, server{Addr: web}))
			v := queueUp(t, ns, web, 300)
			load(t, ns, web, 4)
			r := armTo(t, ns, action)
			a, b := rescued(t, r, first.pid()), rescued(t, r, second.pid())
			if a.ActID != b.ActID {
				t.Errorf("acts %s and %s, want one", a.ActID, b.ActID)
			}
			if o := v.outcome(t); o != (outcome{answered: 300}) {
				t.Errorf("%+v, want all of 300 answered", o)
			}
			only(t, r, first.pid(), second.pid())
			nothingAttached(t, ns)
		})
	}
}

// TestRescueRefused: where members differ clients are not moved, and the act says so.
func TestRescueRefused(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	stays(t, serve(t, ns, server{Addr: web, FastOpen: 16}))
	stuck := serve(t, ns, server{Addr: web, Then: wayMutex})
	v := queueUp(t, ns, web, 20)
	load(t, ns, web, 4)
	r := armTo(t, ns, "kill")
	if e := rescued(t, r, stuck.pid()); !strings.Contains(e.Rescue, "TCP_FASTOPEN") || e.Rescued != nil {
		t.Errorf("rescue: %q", e.Rescue)
	}
	if o := v.outcome(t); o != (outcome{reset: 20}) {
		t.Errorf("%+v, want all of 20 reset", o)
	}
	only(t, r, stuck.pid())
}

// TestSurvivesSIGKILL: a process in state D keeps its listener, until that is closed.
func TestSurvivesSIGKILL(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	stuck := stuckInChroot(t, ns, dir)
	healthyHaproxy(t, ns, dir)
	hangs(t, ns, web)
	r := armTo(t, ns, "kill")
	if e := rescued(t, r, stuck.pid()); e.Method != "shutdown" {
		t.Errorf("by %s, want shutdown", e.Method)
	}
	answered(t, ns, web)
	only(t, r, stuck.pid())
}

// posts counts what was executed.
func posts(t *testing.T, log string) int {
	t.Helper()
	info, err := os.Stat(log)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

func count(n *int) string {
	if n == nil {
		return "unknown"
	}
	return strconv.Itoa(*n)
}
