package corpus

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// debian are real servers, where they tell more than small ones.
func debian() []*row {
	return []*row{
		{
			name: "haproxy-fifo", host: true, http: true, about: "haproxy -D, whose pidfile is a FIFO",
			bad: server{mode: "haproxy", start: haproxyFIFO}, group: nobody, then: haproxyHealthy, state: openat(), want: dies(),
		},
		{
			name: "haproxy-stderr", host: true, http: true,
			about: "haproxy, whose stderr is a full pipe as it complains after bind",
			bad:   server{mode: "haproxy", start: haproxyStderr}, group: nobody,
			then: haproxyHealthy, state: onCall(unix.SYS_WRITE), want: dies(),
		},
		{
			name: "nginx-log-pipe", host: true, http: true, about: "an nginx worker writes its access log to a full pipe",
			bad: server{mode: "nginx", start: nginxLogPipe}, group: nobody, then: nginxHealthy, state: onCall(unix.SYS_WRITE),
			want: diesIfServedMay(),
		},
		{
			name: "gunicorn-job", host: true, http: true,
			about: "gunicorn's only worker does a long job; its master holds the listener too",
			bad:   server{mode: "gunicorn", start: gunicornJob}, group: nobody, then: gunicornHealthy,
			want: lives(listener.AmbiguousHolders, listener.Waits, listener.AtLimit).ofClass(listener.NoClass),
		},
	}
}

const haproxyConfig = `global
    no strict-limits
    maxconn 4000
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend fe
    bind 127.0.0.1:80
    http-request return status 200 content-type text/plain string ok
`

func (s *scene) write(name, content string) string {
	s.t.Helper()
	path := s.path(name)
	s.must(os.WriteFile(path, []byte(content), 0o644))
	return path
}

// listens waits until a process listens on the port, and has that listener judged.
func (s *scene) listens(p *livetest.Program) {
	s.pid = p.Process.Pid
	s.judgesOf(s.pid)
	livetest.AwaitListening(s.t, s.pid, port)
}

// haproxyFIFO mounts the FIFO into place in a mount namespace of its own, for haproxy
// unlinks its pidfile first. As a daemon it opens that before it forks.
func haproxyFIFO(s *scene) {
	fifo(s)
	pidfile := s.write("haproxy.pid", "")
	s.listens(s.family("unshare", nil, "--mount", "sh", "-c", fmt.Sprintf(
		"mount --bind %s %s && exec haproxy -D -f %s -p %s", s.arg, pidfile, s.write("stuck.cfg", haproxyConfig), pidfile)))
}

func haproxyStderr(s *scene) {
	_, w := livetest.FullPipe(s.t, 250)
	haproxy := "exec haproxy -db -f " + s.write("stuck.cfg", haproxyConfig)
	s.listens(s.family("sh", []*os.File{w}, "-c", "ulimit -n 600; "+haproxy+" 2>&3"))
}

func haproxyHealthy(s *scene) {
	livetest.AwaitListening(s.t, s.family("haproxy", nil, "-db", "-f", s.write("haproxy.cfg", haproxyConfig)).PID(), port)
}

const nginxConfig = `daemon off; master_process on; worker_processes 1; user root;
pid %[1]s/%[2]s.pid; error_log %[1]s/%[2]s.err;
events { worker_connections 256; }
http { access_log %[3]s; client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2;
  fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
  server { listen 127.0.0.1:80 reuseport backlog=256; location / { default_type text/plain; return 200 "ok"; } } }
`

func (s *scene) nginx(name, log string, files ...*os.File) (worker int) {
	config := s.write(name+".conf", fmt.Sprintf(nginxConfig, s.dir, name, log))
	p := s.family("sh", files, "-c", "exec nginx -p "+s.dir+" -c "+config+" 2>&3")
	livetest.Eventually(s.t, "nginx has a worker", func() bool {
		if kids := livetest.Children(p.PID()); len(kids) == 1 {
			worker = kids[0]
		}
		return worker != 0 && callOf(worker) == callEpollWait
	})
	return worker
}

func nginxLogPipe(s *scene) {
	_, w := livetest.FullPipe(s.t, 2000)
	s.pid = s.nginx("a", "/dev/stderr", w)
	s.judgesOf(s.pid)
	time.Sleep(11 * time.Second) // until it was seen who waits on it, as all is well
	livetest.Eventually(s.t, "its worker hangs", func() bool {
		if c, err := s.ns.Connect(port); err == nil {
			ask(c, "GET / HTTP/1.0\r\n\r\n")
			_ = c.Close()
		}
		return callOf(s.pid) == unix.SYS_WRITE
	})
}

func nginxHealthy(s *scene) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	s.must(err)
	defer null.Close()
	s.nginx("b", s.path("b.log"), null)
}

const gunicornApp = `import time
def app(env, start):
    if env["PATH_INFO"] == "/job": time.sleep(3600)
    start("200 OK", [("Content-Length", "2")]); return [b"ok"]
`

func (s *scene) gunicorn() *livetest.Program {
	s.write("app.py", gunicornApp)
	p := s.family("gunicorn", nil, "--reuse-port", "--workers", "1", "--timeout", "0",
		"--bind", "127.0.0.1:80", "--chdir", s.dir, "app:app")
	livetest.AwaitListening(s.t, p.PID(), port)
	livetest.Eventually(s.t, "gunicorn has a worker", func() bool { return len(livetest.Children(p.PID())) == 1 })
	return p
}

func gunicornJob(s *scene) {
	s.listens(s.gunicorn())
	c, err := s.ns.Connect(port)
	s.must(err)
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = c.WriteString("GET /job HTTP/1.0\r\n\r\n")
	s.must(err)
}

func gunicornHealthy(s *scene) { s.gunicorn() }
