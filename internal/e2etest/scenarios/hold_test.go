package scenarios

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestHeld: what stands still for a reason that an end would not heal, or that
// cannot be told from a fault, is held for that reason, and nobody is touched.
func TestHeld(t *testing.T) {
	beside(t)
	for name, scene := range map[string]struct {
		stuck   server
		sibling server // none without an address
		keep    bool   // its first clients keep their connections
		reason  string
	}{
		// It serves the connections that it has. haproxy at maxconn looks the same.
		"an acceptor that is lost": {
			server{Addr: web, Answers: 5, Then: wayForget}, server{Addr: web}, true, "at-limit",
		},
		"no descriptor is left": {
			server{Addr: web, Answers: 5, Then: wayFull}, server{Addr: web}, false, "at-limit",
		},
		// A runtime keeps its listener armed, whatever its program does.
		"Go's poller": {
			server{Addr: web, Kind: "http", Answers: 5, Then: wayMutex}, server{Addr: web, Kind: "http"}, false, "at-limit",
		},
		// Whatever completes in the ring wakes it.
		"an io_uring": {
			server{Addr: web, Kind: "uring", Answers: 5, Then: wayMutex}, server{Addr: web, Kind: "uring"}, false, "waits",
		},
		"it accepts elsewhere": {
			server{Addr: web, Also: other, Answers: 5, Then: wayMutex}, server{Addr: web}, false, "serves-elsewhere",
		},
		"its only sibling is of the other family": {
			server{Addr: web, Answers: 5, Then: wayMutex}, server{Addr: "[::1]:80"}, false, "no-sibling-accepted",
		},
		"it has no sibling": {
			server{Addr: web, Shared: true, Answers: 5, Then: wayMutex}, server{}, false, "no-sibling-accepted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			stuck := serve(t, ns, scene.stuck)
			stays(t, stuck)
			if scene.keep {
				keepTalking(t, ns, web)
			}
			if scene.sibling.Addr != "" {
				stays(t, serve(t, ns, scene.sibling))
				load(t, ns, scene.sibling.Addr, 1)
			}
			if scene.stuck.Also != "" {
				load(t, ns, other, 1)
			}
			hangs(t, ns, web)
			r := arm(t, ns)
			e := held(t, r, scene.reason)
			if e.Listener.Owners[0].PID != stuck.pid() {
				t.Errorf("held is %+v, want pid %d", e.Listener, stuck.pid())
			}
			only(t, r)
		})
	}
}

// keepTalking opens connections that stay, and asks something on each now and then.
func keepTalking(t *testing.T, ns *livetest.Namespace, to string) {
	t.Helper()
	var conns []*livetest.Conn
	for range 5 {
		conns = append(conns, ns.Dial(livetest.Dial{To: addrPort(to), Word: true, Echo: true}))
	}
	background(t, 100*time.Millisecond, func() {
		for _, c := range conns {
			c.Send()
		}
	})
}

// TestContainerInit: with it would end the pid namespace in which its healthy
// sibling lives.
func TestContainerInit(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	p := serve(t, ns, server{Addr: web, Children: []server{{Addr: web}}, Then: wayMutex}, func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	})
	stays(t, p)
	sibling := children(t, p, 1)[0]
	hangs(t, ns, web)
	r := arm(t, ns)
	if e := held(t, r, "container-init"); culpritOf(e) != p.pid() {
		t.Errorf("held is %+v, want pid %d", e.Listener, p.pid())
	}
	only(t, r)
	if gone(sibling) {
		t.Error("its sibling has ended")
	}
}
