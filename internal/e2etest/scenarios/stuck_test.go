package scenarios

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestStuckAfterServing: a server that hangs after it has served is found and
// ended, whatever it hangs in, and however its group listens.
func TestStuckAfterServing(t *testing.T) {
	beside(t)
	for name, c := range map[string]struct {
		server  server
		prepare func(*livetest.Namespace)
		causes  []string
	}{
		"in a lock": {server: server{Addr: web, Answers: 5, Then: wayMutex}, causes: []string{"blocked"}},
		"MPTCP":     {server: server{Addr: web, Answers: 5, Then: wayMutex, MPTCP: true}, causes: []string{"blocked"}},
		"in a read": {server: server{Addr: web, Answers: 5, Then: wayRead}, causes: []string{"blocked"}},
		"fast open": {server: server{Addr: web, Answers: 5, Then: wayMutex, FastOpen: 16}, causes: []string{"blocked"}},
		"SYN cookies": {
			server:  server{Addr: web, Answers: 5, Then: wayMutex},
			prepare: func(ns *livetest.Namespace) { ns.Sysctl("net.ipv4.tcp_syncookies", "2") },
			causes:  []string{"blocked"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			if c.prepare != nil {
				c.prepare(ns)
			}
			healthy := c.server
			healthy.Then = ""
			r := arm(t, ns)
			stuck, sibling := serve(t, ns, c.server), serve(t, ns, healthy)
			hangs(t, ns, web)
			killed(t, r, stuck.pid(), c.causes...)
			answered(t, ns, web)
			only(t, r, stuck.pid())
			if !sibling.alive() {
				t.Error("its sibling has ended")
			}
			if name == "SYN cookies" && ns.Counter("TcpExt", "SyncookiesRecv") == 0 {
				t.Error("no handshake used SYN cookies")
			}
		})
	}
}

// TestSpinning: a thread that uses a CPU in user mode makes no progress. Should
// the host be so loaded that it waits for that CPU, it is held for that.
func TestSpinning(t *testing.T) {
	ns := livetest.Netns(t)
	stuck := serve(t, ns, server{Addr: web, Answers: 5, Then: waySpin})
	// Whatever else runs here is to take less than a tenth of the CPU from it.
	if err := unix.Setpriority(unix.PRIO_PGRP, stuck.Process.Pid, -20); err != nil {
		t.Fatal(err)
	}
	sibling := serve(t, ns, server{Addr: web})
	hangs(t, ns, web)
	r := arm(t, ns)
	e := r.await("acted, or held as starved", func(e told) bool {
		return e.Event == "acted" || e.Event == "held" && slices.Contains(e.Listener.Decision.Reasons, "starved")
	})
	if e.Event == "held" {
		t.Log("this host is too loaded: the spinning one waits for its CPU")
		held(t, r, "starved")
		only(t, r)
		return
	}
	// Two hundredths of a second that the kernel books on it look busy, at first.
	killed(t, r, stuck.pid(), "spinning", "busy")
	answered(t, ns, web)
	only(t, r, stuck.pid())
	if !sibling.alive() {
		t.Error("its sibling has ended")
	}
}

// TestQueueOfTheGone: the clients that wait have gone, and no new ones come to
// the stuck one: its verdict stands on the head of its queue alone.
func TestQueueOfTheGone(t *testing.T) {
	beside(t)
	for name, leave := range map[string]func(*livetest.Conn){
		"FIN": (*livetest.Conn).Close,
		"RST": (*livetest.Conn).Reset,
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			// Alone in its group all come to it, and no more come than fit.
			stuck := serve(t, ns, server{Addr: web, Then: wayMutex, Backlog: 2})
			for range 3 {
				leave(ns.Dial(livetest.Dial{To: addrPort(web), Word: true}))
			}
			sibling := serve(t, ns, server{Addr: web})
			// New ones find the queue of the one full, but for the syncookies of
			// none: their handshakes go nowhere, while the other answers.
			ns.Sysctl("net.ipv4.tcp_syncookies", "0")
			background(t, 10*time.Millisecond, func() {
				dial := livetest.Dial{To: addrPort(web), Word: true, Echo: true, Patience: 50 * time.Millisecond}
				if c, err := ns.TryDial(dial); err == nil {
					c.Close()
				}
			})
			r := arm(t, ns)
			stuckEvent := killed(t, r, stuck.pid(), "blocked", "never-polled")
			if stuckEvent.Listener.Queue != 3 {
				t.Errorf("queue %d, want the 3 that have gone", stuckEvent.Listener.Queue)
			}
			answered(t, ns, web)
			only(t, r, stuck.pid())
			if !sibling.alive() {
				t.Error("its sibling has ended")
			}
		})
	}
}

// TestTwoDeadOfThree: both are ended, one after the other.
func TestTwoDeadOfThree(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	r := arm(t, ns, "--max-acts", "2/10m")
	first := serve(t, ns, server{Addr: web, Answers: 3, Then: wayMutex})
	second := serve(t, ns, server{Addr: web, Then: wayMutex})
	sibling := serve(t, ns, server{Addr: web})
	hangs(t, ns, web)
	killed(t, r, first.pid(), "blocked")
	killed(t, r, second.pid(), "blocked", "never-polled")
	answered(t, ns, web)
	only(t, r, first.pid(), second.pid())
	if !sibling.alive() {
		t.Error("the healthy one has ended")
	}
}

// TestHealthyGroups: members that accept are never stuck, however they listen.
func TestHealthyGroups(t *testing.T) {
	beside(t)
	for name, s := range map[string]server{
		"MPTCP":       {Addr: web, MPTCP: true},
		"fast open":   {Addr: web, FastOpen: 16},
		"io_uring":    {Addr: web, Kind: "uring"},
		"Go's poller": {Addr: web, Kind: "http"},
		"SYN cookies": {Addr: web},
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			if name == "SYN cookies" {
				ns.Sysctl("net.ipv4.tcp_syncookies", "2")
			}
			stays(t, serve(t, ns, s))
			stays(t, serve(t, ns, s))
			c := load(t, ns, web, 2)
			r := arm(t, ns)
			leftAlone(t, r)
			if c.stop(); c.answered.Load() == 0 || c.hung.Load() > 0 {
				t.Errorf("%d clients were answered, %d hung", c.answered.Load(), c.hung.Load())
			}
		})
	}
}
