package scenarios

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
)

const nginxReuseport = `daemon off; worker_processes 3; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
  uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen 127.0.0.1:80 reuseport; location / { return 200 "ok"; } } }
`

// pool is a master with three workers on sockets that it holds, too; the second is stopped.
type pool struct {
	master  *process
	workers []int
}

func nginxWithStoppedWorker(t *testing.T, ns *livetest.Namespace) *pool {
	t.Helper()
	dir := t.TempDir()
	n := &pool{master: start(t, ns, nil, "nginx", "-c", write(t, dir, "nginx.conf", fmt.Sprintf(nginxReuseport, dir)))}
	listens(t, ns, n.master, 80)
	n.workers = children(t, n.master, 3)
	answered(t, ns, web)
	sigstop(t, n.workers[1])
	return n
}

// servesOn: clients are answered, and nobody has ended but the worker that was stopped.
func (n *pool) servesOn(t *testing.T, ns *livetest.Namespace, r *runner) {
	t.Helper()
	answered(t, ns, web)
	only(t, r, n.workers[1])
	if !n.master.alive() || gone(n.workers[0]) || gone(n.workers[2]) {
		t.Error("the master or a healthy worker has ended")
	}
}

// TestNginxWorker: of several holders the worker that hangs is the culprit, not
// its master nor its siblings, which hold the same descriptors. Its master
// starts another, which takes over what waits.
func TestNginxWorker(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	n := nginxWithStoppedWorker(t, ns)
	hangs(t, ns, web)
	r := arm(t, ns, "--allow-stopped")
	killed(t, r, n.workers[1], "stopped")
	livetest.Eventually(t, "a new worker", func() bool {
		now := childrenOf(n.master.pid())
		return len(now) == 3 && !slices.Contains(now, n.workers[1])
	})
	n.servesOn(t, ns, r)
}

const gunicornApp = `import time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(6)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`

// TestGunicornSync: two workers that do one thing at a time, on a socket that
// they share with their master, both in a long request while others wait.
func TestGunicornSync(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	write(t, dir, "app.py", gunicornApp)
	master := start(t, ns, nil, "gunicorn", "--chdir", dir, "--workers", "2", "--bind", web,
		"--worker-tmp-dir", dir, "app:app")
	listens(t, ns, master, 80)
	workers := children(t, master, 2)
	answered(t, ns, web)
	r := arm(t, ns)
	for range 2 {
		conn := slowRequest(t, ns)
		defer conn.Close()
	}
	c := hangs(t, ns, web)
	r.await("stuck, while both are busy", func(e told) bool { return e.Event == "stuck" })
	r.await("recovered", func(e told) bool { return e.Event == "recovered" })
	before := c.answered.Load()
	livetest.Eventually(t, "clients are answered again", func() bool { return c.answered.Load() > before })
	only(t, r)
	if now := childrenOf(master.pid()); !slices.Equal(now, workers) {
		t.Errorf("workers %v, were %v", now, workers)
	}
}

// slowRequest asks for what takes long, and does not wait for it.
func slowRequest(t *testing.T, ns *livetest.Namespace) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	ns.Do(func() { conn, err = net.Dial("tcp4", web) })
	if err == nil {
		_, err = fmt.Fprint(conn, "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestPreforkShares: one of two children that share a socket hangs; the other
// accepts what comes to both, so nothing is stuck.
func TestPreforkShares(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	parent := serve(t, ns, server{
		Addr: web, Shared: true, Then: wayMutex,
		Children: []server{{Answers: 3, Then: wayMutex}, {}},
	})
	pair := children(t, parent, 2)
	c := load(t, ns, web, 2)
	livetest.Eventually(t, "one of them hangs", func() bool { return waitsForLock(pair[0]) })
	before := c.answered.Load()
	r := arm(t, ns)
	leftAlone(t, r)
	if c.answered.Load() == before || gone(pair[0]) || gone(pair[1]) || !parent.alive() {
		t.Error("somebody has ended, or no client was answered")
	}
}

// TestSocketActivation: one process opens the socket and another, that it
// starts, accepts when it is ready.
func TestSocketActivation(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	r := arm(t, ns, "--allow-sole")
	parent := serve(t, ns, server{
		Addr: web, Shared: true, Then: wayMutex,
		Children: []server{{Late: true, Pause: 6 * time.Second}},
	})
	child := children(t, parent, 1)[0]
	c := load(t, ns, web, 2)
	r.await("stuck, while nobody is ready", func(e told) bool { return e.Event == "stuck" })
	livetest.Eventually(t, "clients are answered", func() bool { return c.answered.Load() > 0 })
	r.await("recovered", func(e told) bool { return e.Event == "recovered" })
	only(t, r)
	if !parent.alive() || gone(child) {
		t.Error("one of the two has ended")
	}
}

// waitsForLock says whether the leader of a process sleeps in a futex.
func waitsForLock(pid int) bool {
	p, err := proc.New("").Process(pid)
	return err == nil && strings.HasPrefix(p.Wchan, "futex")
}

// TestRescueNginxWorker: who waits for a worker that hangs is answered by its
// successor, but for those who have gone; the master and the others live.
func TestRescueNginxWorker(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	n := nginxWithStoppedWorker(t, ns)
	v := queueUp(t, ns, web, 350)
	v.leave(v.waiting[:50]...)
	v.waiting = v.waiting[50:]
	load(t, ns, web, 4)
	r := arm(t, ns, "--allow-stopped")
	e := rescued(t, r, n.workers[1])
	if o := v.outcome(t); o != (outcome{answered: 300}) {
		t.Errorf("%+v, want all of 300 answered", o)
	}
	if e.Stale == nil || *e.Stale < 50 {
		t.Errorf("%s stale, want the 50 that left", count(e.Stale))
	}
	n.servesOn(t, ns, r)
}

// TestRescueGunicornWorker: the same of a worker that shares its socket with its
// master alone, beside another instance on the port.
func TestRescueGunicornWorker(t *testing.T) {
	beside(t)
	for name, another := range map[string]bool{"alone": false, "beside another instance": true} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns, dir := livetest.Netns(t), t.TempDir()
			// It reads what nobody can write: a sleep might end.
			write(t, dir, "app.py", "import os\n"+strings.Replace(gunicornApp, "time.sleep(6)", "os.read(os.pipe()[0], 1)", 1))
			instance := func() *process {
				p := start(t, ns, nil, "gunicorn", "--chdir", dir, "--workers", "1", "--timeout", "0", "--bind", web,
					"--reuse-port", "--worker-tmp-dir", dir, "app:app")
				listens(t, ns, p, 80)
				return p
			}
			master := instance()
			worker := children(t, master, 1)[0]
			answered(t, ns, web)
			var other *process
			// It must be seen while it still waits for clients.
			r := arm(t, ns, "--allow-sole")
			conn := slowRequest(t, ns)
			defer conn.Close()
			if another {
				other = instance()
			}
			v := queueUp(t, ns, web, 300)
			if another {
				load(t, ns, web, 4)
			}
			rescued(t, r, worker)
			if o := v.outcome(t); o != (outcome{answered: 300}) {
				t.Errorf("%+v, want all of 300 answered", o)
			}
			answered(t, ns, web)
			only(t, r, worker)
			if !master.alive() || other != nil && !other.alive() {
				t.Error("a master has ended")
			}
		})
	}
}
