package scenarios

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

const nginxConfig = `daemon off; worker_processes 2; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
  uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen 127.0.0.1:80; location / { return 200 "ok"; } } }
`

// TestLookAlikes: what looks like the fault and is none is left alone by an
// armed run, several times as long as an act would take.
func TestLookAlikes(t *testing.T) {
	beside(t)
	const watched = 12 * time.Second
	// A scene is set, and may give what goes on while it is watched.
	for name, scene := range map[string]func(*testing.T, *livetest.Namespace) func(){
		"idle, and one that would never accept but nobody asks": idle,
		"nginx, one socket and three holders":                   nginxPrefork,
		"haproxy reloads that work":                             haproxyReloads,
		"a slow acceptor with a full queue":                     slowAcceptor,
		"half-open probes":                                      halfOpen,
		"a probe that connects and resets":                      fullReset,
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns := livetest.Netns(t)
			goesOn := scene(t, ns)
			r := runArmed(t, ns, "--stuck-after", "3s", "--act-after", "4s", "--interval", "200ms", "--startup-grace", "0s")
			if goesOn != nil {
				goesOn()
			} else {
				time.Sleep(watched)
			}
			r.none("stuck", "acting", "acted", "act_failed")
			if code := r.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// background repeats something until the test ends, inside no namespace.
func background(t *testing.T, every time.Duration, do func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(every):
				do()
			}
		}
	})
	t.Cleanup(func() {
		close(quit)
		wg.Wait()
	})
}

// stays fails the test should the process end before it.
func stays(t *testing.T, p *process) {
	t.Cleanup(func() {
		if !p.alive() {
			t.Errorf("pid %d has ended", p.pid())
		}
	})
}

func idle(t *testing.T, ns *livetest.Namespace) func() {
	stays(t, healthyHaproxy(t, ns, t.TempDir()))
	ns.Listen(livetest.Listen{Port: 82})
	return nil
}

func nginxPrefork(t *testing.T, ns *livetest.Namespace) func() {
	dir := t.TempDir()
	p := start(t, ns, nil, "nginx", "-c", write(t, dir, "nginx.conf", fmt.Sprintf(nginxConfig, dir)))
	listens(t, ns, p, 80)
	load(t, ns, "127.0.0.1:80", 1)
	stays(t, p)
	return nil
}

func haproxyReloads(t *testing.T, ns *livetest.Namespace) func() {
	dir := t.TempDir()
	p := healthyHaproxy(t, ns, dir)
	c := load(t, ns, "127.0.0.1:80", 4)
	return func() {
		for range 4 {
			time.Sleep(3 * time.Second)
			p = healthyHaproxy(t, ns, dir, "-sf", fmt.Sprint(p.pid()))
		}
		c.stop()
		if n := c.hung.Load(); n > 0 || c.answered.Load() == 0 {
			t.Errorf("%d clients hung, %d were answered", n, c.answered.Load())
		}
	}
}

func slowAcceptor(t *testing.T, ns *livetest.Namespace) func() {
	l := ns.Listen(livetest.Listen{Backlog: 16})
	for range 10 {
		ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	}
	background(t, 2*time.Second, l.Accept)
	background(t, time.Second, func() {
		if c, err := ns.TryDial(livetest.Dial{To: l.Dest(livetest.V4), Patience: 100 * time.Millisecond}); err == nil {
			t.Cleanup(c.Close)
		}
	})
	return nil
}

// halfOpen sends SYNs whose handshake nobody completes: the answers go to lo and
// die there.
func halfOpen(t *testing.T, ns *livetest.Namespace) func() {
	dir := t.TempDir()
	ns.Run("ip", "addr", "add", "10.77.0.1/32", "dev", "lo")
	ns.Run("ip", "route", "add", "10.66.0.0/16", "dev", "lo")
	ns.Sysctl("net.ipv4.tcp_syncookies", "0")
	config := strings.ReplaceAll(haproxyConfig, "127.0.0.1", "10.77.0.1")
	p := start(t, ns, nil, "haproxy", "-db", "-f", write(t, dir, "haproxy.cfg", config))
	listens(t, ns, p, 80)
	stays(t, p)
	raw := rawSocket(t, ns)
	n := uint32(0)
	background(t, 20*time.Millisecond, func() {
		n++
		syn(t, raw, netip.AddrFrom4([4]byte{10, 66, byte(n >> 8), byte(n)}), netip.MustParseAddrPort("10.77.0.1:80"))
	})
	livetest.Eventually(t, "handshakes are half open", func() bool {
		return len(lines(ss(t, ns.Path, "-Htn", "state", "syn-recv"))) > 10
	})
	return nil
}

func fullReset(t *testing.T, ns *livetest.Namespace) func() {
	stays(t, healthyHaproxy(t, ns, t.TempDir()))
	to := netip.MustParseAddrPort("127.0.0.1:80")
	background(t, 100*time.Millisecond, func() { ns.Dial(livetest.Dial{To: to}).Reset() })
	return nil
}

// TestFixedPortProber: a client that always comes from the same port, and SYN
// cookies, which leave no time of the SYN-ACK: without the sequence numbers the
// heads of an accepting server look like one that never moves.
func TestFixedPortProber(t *testing.T) {
	ns := livetest.Netns(t)
	ns.Sysctl("net.ipv4.tcp_syncookies", "2")
	l := ns.Listen(livetest.Listen{})
	from := netip.MustParseAddrPort("127.0.0.1:33333")
	r := runArmed(t, ns, "--interval", "20ms", "--stuck-after", "1s", "--act-after", "1s", "--startup-grace", "0s")
	const rounds = 400
	for range rounds {
		c := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4), From: from})
		time.Sleep(30 * time.Millisecond) // at least one look sees this head
		l.Accept()
		c.Reset()
	}
	r.none("suspect", "stuck", "acting")
	if sent := ns.Counter("TcpExt", "SyncookiesRecv"); sent < rounds {
		t.Errorf("only %d of %d handshakes used SYN cookies", sent, rounds)
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func rawSocket(t *testing.T, ns *livetest.Namespace) int {
	t.Helper()
	var fd int
	var err error
	ns.Do(func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW) })
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
