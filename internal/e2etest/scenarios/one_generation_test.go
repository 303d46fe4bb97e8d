package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asSoak makes TestOneGeneration reload every 4 s for 5 minutes.
const asSoak = "REUSEWATCH_SOAK"

// TestOneGeneration: what reloads as it should, and whatever else has several
// processes on one port on purpose, is one generation.
func TestOneGeneration(t *testing.T) {
	beside(t)
	reloads, every := 3, 1500*time.Millisecond
	if os.Getenv(asSoak) != "" {
		reloads, every = 75, 4*time.Second
	}
	// A scene is set, and gives what reloads it.
	for name, scene := range map[string]func(*testing.T, *livetest.Namespace, string) func(){
		"haproxy -sf":                         reloadBySf,
		"haproxy -x":                          reloadByX,
		"haproxy -W":                          reloadByMaster,
		"nginx with reuseport":                reloadNginx,
		"a master's workers":                  poolOfMaster,
		"a shell's workers, one started anew": poolOfShell,
		"gunicorn":                            gunicorn,
	} {
		t.Run(name, func(t *testing.T) {
			beside(t)
			ns, dir := livetest.Netns(t), t.TempDir()
			reload := scene(t, ns, dir)
			r := run(t, "--netns", ns.Path, "--superseded-after", "1s", "--interval", "200ms")
			c := load(t, ns, "127.0.0.1:80", 2)
			for range reloads {
				time.Sleep(every)
				reload()
			}
			time.Sleep(every)
			c.stop()
			if c.answered.Load() == 0 {
				t.Error("nobody was answered")
			}
			r.none("finding")
			for _, e := range r.all() {
				if n := e.Listener.Generations; n != nil && *n > 2 {
					t.Errorf("%d generations: %+v", *n, e)
				}
			}
			if code := r.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// shards and several binds: the first frontend has four sockets, of one process.
func shardedConfig(dir string) string {
	const bind, maxconn = "    bind 127.0.0.1:80\n", "    maxconn 4000\n"
	sharded := strings.TrimSuffix(bind, "\n") + " shards 4\n" + bind + bind
	socket := "    stats socket " + dir + "/stats level admin expose-fd listeners\n"
	config := strings.Replace(haproxyConfig, bind, sharded, 1)
	return strings.Replace(config, maxconn, maxconn+socket, 1)
}

// restart starts a haproxy with a configuration that was just written, and waits
// for the one that it replaces.
func restart(t *testing.T, ns *livetest.Namespace, dir string, old *process, args ...string) *process {
	t.Helper()
	path := write(t, dir, "haproxy.cfg", shardedConfig(dir))
	if old != nil {
		args = append(args, "-sf", strconv.Itoa(old.pid()))
	}
	p := start(t, ns, nil, "haproxy", append([]string{"-db", "-f", path}, args...)...)
	if old != nil {
		livetest.Eventually(t, "the old one has ended", func() bool { return !old.alive() })
	}
	return p
}

func reloadBySf(t *testing.T, ns *livetest.Namespace, dir string) func() {
	p := restart(t, ns, dir, nil)
	listens(t, ns, p, 80)
	return func() { p = restart(t, ns, dir, p) }
}

func reloadByX(t *testing.T, ns *livetest.Namespace, dir string) func() {
	p := restart(t, ns, dir, nil)
	listens(t, ns, p, 80)
	return func() { p = restart(t, ns, dir, p, "-x", dir+"/stats") }
}

func signaller(t *testing.T, p *process, s os.Signal) func() {
	return func() {
		if err := p.Process.Signal(s); err != nil {
			t.Error(err)
		}
	}
}

func reloadByMaster(t *testing.T, ns *livetest.Namespace, dir string) func() {
	p := start(t, ns, nil, "haproxy", "-W", "-db", "-f", write(t, dir, "haproxy.cfg", shardedConfig(dir)))
	awaitAnswer(t, ns)
	return signaller(t, p, syscall.SIGUSR2)
}

func reloadNginx(t *testing.T, ns *livetest.Namespace, dir string) func() {
	p := start(t, ns, nil, "nginx", "-c", write(t, dir, "nginx.conf", fmt.Sprintf(nginxReuseport, dir)))
	awaitAnswer(t, ns)
	return signaller(t, p, syscall.SIGHUP)
}

func gunicorn(t *testing.T, ns *livetest.Namespace, dir string) func() {
	const app = `def app(environ, start):
    start('200 OK', [('Content-Length', '2')])
    return [b'ok']
`
	write(t, dir, "app.py", app)
	p := start(t, ns, nil, "gunicorn", "--reuse-port", "-b", "127.0.0.1:80", "-w", "3", "--chdir", dir, "app:app")
	awaitAnswer(t, ns)
	return signaller(t, p, syscall.SIGHUP)
}

func poolOfMaster(t *testing.T, ns *livetest.Namespace, _ string) func() {
	worker := server{Addr: "127.0.0.1:80"}
	serve(t, ns, server{Addr: "127.0.0.1:80", Children: []server{worker, worker, worker}})
	return func() {}
}

// poolOfShell is one that starts anew whichever of its workers ends.
func poolOfShell(t *testing.T, ns *livetest.Namespace, _ string) func() {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start(t, ns, func(cmd *exec.Cmd) { cmd.Env = server{Addr: "127.0.0.1:80"}.environ() }, "sh", "-c",
		`for i in 1 2 3; do while :; do "$0" --worker $i; done & done; wait`, self)
	awaitAnswer(t, ns)
	return func() {
		stdout := ss(t, ns.Path, "-Hltnp", "sport", "=", ":80")
		_, after, found := strings.Cut(stdout, "pid=")
		pid, err := strconv.Atoi(strings.FieldsFunc(after, func(r rune) bool { return r < '0' || r > '9' })[0])
		if !found || err != nil {
			t.Errorf("whose is %q?", stdout)
			return
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // of ours: it listens in our namespace
	}
}

func awaitAnswer(t *testing.T, ns *livetest.Namespace) {
	t.Helper()
	livetest.Eventually(t, "somebody answers", func() bool { return ask(ns, web) == nil })
}
