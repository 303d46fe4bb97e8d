package scenarios

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// listed is what a test reads of `list -o json`.
type listed struct {
	Tier      string
	Watched   bool
	Listeners []struct {
		Cookie, Verdict string
		Cause           *string
		Queued          *int
	}
}

func listJSON(t *testing.T, want int, args ...string) listed {
	t.Helper()
	stdout, stderr, code := output(t, append([]string{"list", "-o", "json"}, args...)...)
	if code != want || stderr != "" {
		t.Fatalf("list %v: exit code %d, want %d: %s", args, code, want, stderr)
	}
	var l listed
	if err := json.Unmarshal([]byte(stdout), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// stuckGroup is one that serves and one that does not, with n visitors of the latter.
func stuckGroup(t *testing.T, ns *livetest.Namespace, n int) (stuck *process) {
	t.Helper()
	stays(t, serve(t, ns, server{Addr: web}))
	stuck = serve(t, ns, server{Addr: web, Then: wayMutex})
	queueUp(t, ns, web, n)
	return stuck
}

// TestFromDaemon: what a person is shown is what the daemon sees, and what a look of
// one's own finds.
func TestFromDaemon(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	p := stuckGroup(t, ns, 20)
	quick := []string{"--interval", "100ms", "--stuck-after", "500ms"}
	r := run(t, append([]string{"--netns", ns.Path, "--state-dir", dir}, quick...)...)
	e := r.await("stuck", func(e told) bool { return e.Event == "stuck" })
	from := []string{"--from", "unix:" + daemon.SocketIn(dir), "--netns", ns.Path}

	daemons := listJSON(t, cli.ExitStuck, append(from, "--stuck")...)
	own := listJSON(t, cli.ExitStuck, append([]string{"--stuck", "--netns", ns.Path}, quick...)...)
	for who, l := range map[string]listed{"the daemon": daemons, "a look of one's own": own} {
		one := len(l.Listeners) == 1 && l.Listeners[0].Cookie == e.Listener.Cookie
		if !one || l.Listeners[0].Verdict != "stuck" || !l.Watched {
			t.Errorf("%s: %+v, want %s stuck", who, l, e.Listener.Cookie)
		}
	}
	if all := listJSON(t, 0, from...); len(all.Listeners) != 2 {
		t.Errorf("%d listeners, want both", len(all.Listeners))
	}
	x := explainJSON(t, append([]string{"cookie:" + e.Listener.Cookie, "--clients", "3"}, from...)...)
	if x.Listener.Verdict != "stuck" || len(x.Group) != 2 || len(x.Gate) == 0 ||
		x.Total == nil || *x.Total != 20 || len(x.Clients) != 3 {
		t.Errorf("explained by the daemon: %+v", x)
	}
	table, _, code := output(t, append([]string{"list", "--sort", "worst"}, from...)...)
	if rows := lines(table); code != 0 || len(rows) != 4 || !strings.HasPrefix(rows[1], "stuck") ||
		!strings.Contains(rows[3], "1 stuck with 20 clients waiting: `reusewatch explain "+e.Listener.Cookie) {
		t.Errorf("exit code %d:\n%s", code, table)
	}
	_, stderr, code := output(t, append([]string{"explain", "cookie:1"}, from...)...)
	if code != cli.ExitUsage || !strings.Contains(stderr, "no listener is known") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if gone(p.pid()) {
		t.Error("it was observed, and has ended")
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(daemon.SocketIn(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	_, stderr, code = output(t, append([]string{"list"}, from...)...)
	if code != cli.ExitCannotObserve || !strings.Contains(stderr, "use --from kernel") {
		t.Errorf("without a daemon: exit code %d: %s", code, stderr)
	}
}

// TestStreamCounts: the daemon counts every listener while somebody looks on, and
// only then, where counting costs more.
func TestStreamCounts(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	stays(t, serve(t, ns, server{Addr: web}))
	r := run(t, "--netns", ns.Path, "--state-dir", dir, "--interval", "100ms", "--count", "suspected")
	c := feed.NewClient(daemon.SocketIn(dir))
	defer c.Close()
	counted := func() bool {
		_, counted := onlyOne(t, c, ns)
		return counted
	}
	if counted() {
		t.Error("counted, though nobody looks and nothing is suspected")
	}
	stream, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "it is counted", counted)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "it is counted no more", func() bool { return !counted() })
	r.none("suspect", "stuck")
}

// TestSecondDaemon: two daemons with one state folder both watch; one is asked. After
// SIGKILL the next one takes the socket over.
func TestSecondDaemon(t *testing.T) {
	beside(t)
	ns, dir := livetest.Netns(t), t.TempDir()
	args := []string{"--netns", ns.Path, "--state-dir", dir}
	first := run(t, args...)
	second := run(t, args...)
	if s := second.errs.String(); !strings.Contains(s, "another daemon serves there") {
		t.Errorf("the second one says %q", s)
	}
	if code := second.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	list := func() { listJSON(t, 0, "--from", "unix:"+daemon.SocketIn(dir)) }
	list()
	if err := first.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	run(t, args...)
	list()
}

func TestCheck(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	stays(t, serve(t, ns, server{Addr: web}))
	check := func(want int, begins string, args ...string) string {
		t.Helper()
		stdout, stderr, code := output(t, append([]string{"check", "--netns", ns.Path, "--interval", "100ms"}, args...)...)
		if code != want || !strings.HasPrefix(stdout, begins) || strings.Count(stdout, "\n") != 1 || stderr != "" {
			t.Errorf("check %v: exit code %d, %q, %q; want %d and one line %q", args, code, stdout, stderr, want, begins)
		}
		return stdout
	}
	check(0, "OK: 1 listener, none stuck", "--for", "600ms")
	check(cli.ExitStuck, "NOTHING", "--for", "600ms", "--port", "81")
	check(cli.PluginCritical, "REUSEWATCH CRITICAL - NOTHING", "--for", "600ms", "--port", "81", "-o", "nagios")
	check(0, "REUSEWATCH OK - 1 listener", "--for", "600ms", "-o", "nagios")
	check(cli.PluginUnknown, "REUSEWATCH UNKNOWN - unknown network namespace", "--netns", "no-such-one", "-o", "nagios")

	p := serve(t, ns, server{Addr: web, Then: wayMutex})
	queueUp(t, ns, web, 3)
	s := check(cli.ExitStuck, "STUCK: 1 of 2 listeners: ", "--for", "2s") // shorter than the default of --stuck-after
	if !strings.Contains(s, "3 clients wait") {
		t.Errorf("not said who waits: %s", s)
	}
	check(cli.PluginCritical, "REUSEWATCH CRITICAL - STUCK", "--for", "2s", "-o", "nagios")

	// What is at its limit, or busy, ends by itself: `list --stuck` has it, check does not.
	sigstop(t, p.pid())
	l := listJSON(t, cli.ExitStuck, "--stuck", "--netns", ns.Path, "--for", "2s", "--interval", "100ms")
	if len(l.Listeners) != 1 || *l.Listeners[0].Cause != "stopped" {
		t.Errorf("%+v", l)
	}
}
