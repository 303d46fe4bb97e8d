package scenarios

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

const haproxyConfig = `global
    no strict-limits
    maxconn 4000
    user haproxy
    group haproxy
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend fe
    bind 127.0.0.1:80
    bind 127.0.0.1:18091
    http-request return status 200 content-type text/plain string ok
`

// clients ask for pages, over and over, until the test ends.
type clients struct {
	answered, hung atomic.Int64
	wg             sync.WaitGroup
	quit           chan struct{}
}

const patience = time.Second

// ask opens one connection, sends a request and waits for its answer.
func ask(ns *livetest.Namespace, to string) error {
	var conn net.Conn
	var err error
	// A SYN that meets a full queue is dropped: others wait for the thread.
	ns.Do(func() { conn, err = net.DialTimeout("tcp4", to, patience) })
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, get); err != nil {
		return err
	}
	return answerOf(conn, patience)
}

func load(t *testing.T, ns *livetest.Namespace, to string, workers int) *clients {
	c := &clients{quit: make(chan struct{})}
	for range workers {
		c.wg.Go(func() {
			for {
				select {
				case <-c.quit:
					return
				case <-time.After(10 * time.Millisecond):
				}
				switch err := ask(ns, to); {
				case err == nil:
					c.answered.Add(1)
				case errors.Is(err, os.ErrDeadlineExceeded):
					c.hung.Add(1)
				}
			}
		})
	}
	t.Cleanup(c.stop)
	return c
}

func (c *clients) stop() {
	select {
	case <-c.quit:
	default:
		close(c.quit)
	}
	c.wg.Wait()
}

// listens waits until a process of the test has a listener on the port.
func listens(t *testing.T, ns *livetest.Namespace, p *process, port int) {
	t.Helper()
	livetest.Eventually(t, fmt.Sprintf("pid %d listens on :%d", p.pid(), port), func() bool {
		if !p.alive() {
			t.Fatalf("it ended: %s", p.log.String())
		}
		stdout, _, code := output(t, "list", "--netns", ns.Path, "--port", fmt.Sprint(port),
			"--pid", fmt.Sprint(p.pid()), "-o", "wide")
		return code == 0 && len(lines(stdout)) > 2
	})
}

// stuckOnStderr is an unmodified haproxy that blocks after bind and before its
// poll loop: its stderr is a pipe that nobody reads, with room for just what it
// says before the alert that its descriptor limit is too low.
func stuckOnStderr(t *testing.T, ns *livetest.Namespace, dir string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	fill(t, int(r.Fd()), int(w.Fd()))
	p := start(t, ns, func(cmd *exec.Cmd) { cmd.Stderr = w }, "sh", "-c",
		"ulimit -n 600; exec haproxy -db -f "+write(t, dir, "stuck.cfg", haproxyConfig))
	listens(t, ns, p, 80)
	return p
}

// fill leaves 250 bytes of room in a pipe. The pipe is blocking again after it.
func fill(t *testing.T, r, w int) {
	t.Helper()
	if err := unix.SetNonblock(w, true); err != nil {
		t.Fatal(err)
	}
	page := make([]byte, 4096)
	for n := len(page); n > 0; {
		if _, err := unix.Write(w, page[:n]); errors.Is(err, unix.EAGAIN) {
			n /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := unix.Read(r, page); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(w, page[:len(page)-250]); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(w, false); err != nil {
		t.Fatal(err)
	}
}

// stuckOnFIFO is the same, blocked as root in opening its pidfile, a FIFO
// without reader. haproxy unlinks the file first, so it is mounted into place,
// in a mount namespace that ends with the process.
func stuckOnFIFO(t *testing.T, ns *livetest.Namespace, dir string) *process {
	t.Helper()
	fifo, pidfile := dir+"/fifo", write(t, dir, "haproxy.pid", "")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	config := write(t, dir, "stuck.cfg", haproxyConfig)
	p := start(t, ns, nil, "unshare", "--mount", "sh", "-c", fmt.Sprintf(
		"mount --bind %s %s && exec haproxy -D -f %s -p %s", fifo, pidfile, config, pidfile))
	listens(t, ns, p, 80)
	return p
}

func healthyHaproxy(t *testing.T, ns *livetest.Namespace, dir string, args ...string) *process {
	t.Helper()
	config := write(t, dir, "haproxy.cfg", haproxyConfig)
	p := start(t, ns, nil, "haproxy", append([]string{"-db", "-f", config}, args...)...)
	listens(t, ns, p, 80)
	return p
}

// TestStuckHaproxy is the incident that reusewatch was built for.
func TestStuckHaproxy(t *testing.T) {
	beside(t)
	for name, c := range map[string]struct {
		stuck func(*testing.T, *livetest.Namespace, string) *process
		late  bool // reusewatch is there before them
	}{
		"fifo, there before reusewatch":   {stuckOnFIFO, false},
		"fifo, reusewatch was there":      {stuckOnFIFO, true},
		"stderr, there before reusewatch": {stuckOnStderr, false},
		"stderr, reusewatch was there":    {stuckOnStderr, true},
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns, dir := livetest.Netns(t), t.TempDir()
			arm := func() *runner {
				return runArmed(t, ns, "--stuck-after", "2s", "--act-after", "3s", "--interval", "200ms")
			}
			var r *runner
			if c.late {
				r = arm()
			}
			stuck := c.stuck(t, ns, dir)
			healthy := healthyHaproxy(t, ns, dir)
			cl := load(t, ns, "127.0.0.1:80", 8)
			livetest.Eventually(t, "clients hang", func() bool { return cl.hung.Load() > 0 })
			if !c.late {
				r = arm()
			}
			e := r.await("stuck", func(e told) bool { return e.Event == "stuck" })
			why := []string{"blocked", "never-polled"}
			owners := e.Listener.Owners
			if e.Listener.Local != "127.0.0.1:80" || !slices.Contains(why, e.Listener.Cause) ||
				len(owners) != 1 || owners[0].PID != stuck.pid() || !owners[0].Culprit {
				t.Errorf("stuck: %+v, want pid %d on :80", e.Listener, stuck.pid())
			}
			acted := r.await("acted", func(e told) bool { return e.Event == "acted" || e.Event == "act_failed" })
			if acted.Event != "acted" || acted.PID != stuck.pid() || len(acted.Listeners) != 2 {
				t.Errorf("%+v, want pid %d with its two listeners", acted, stuck.pid())
			}
			// Whatever begins after the act is answered.
			for i := range 300 {
				if err := ask(ns, "127.0.0.1:80"); err != nil {
					t.Fatalf("request %d after the act: %v", i, err)
				}
			}
			livetest.Eventually(t, "the stuck one has ended", func() bool { return !stuck.alive() })
			if !healthy.alive() {
				t.Error("the healthy one has ended")
			}
			if code := r.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			for _, e := range r.all() {
				if e.Event == "acting" && e.PID != stuck.pid() {
					t.Errorf("acted on another: %+v", e)
				}
			}
		})
	}
}
