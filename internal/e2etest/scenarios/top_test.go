package scenarios

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// watched is a group with a stuck member, a daemon that observes it, and a terminal.
func watched(t *testing.T, env ...string) (ns *livetest.Namespace, stuck *process, from string, tm *terminal) {
	t.Helper()
	ns, dir := livetest.Netns(t), t.TempDir()
	stuck = stuckGroup(t, ns, 20)
	r := run(t, "--netns", ns.Path, "--state-dir", dir, "--interval", "200ms", "--stuck-after", "1s")
	load(t, ns, web, 2)
	r.await("stuck", func(e told) bool { return e.Event == "stuck" })
	return ns, stuck, "unix:" + daemon.SocketIn(dir), newTerminal(t, 120, 40, env...)
}

// TestTop drives the real thing as a person would.
func TestTop(t *testing.T) {
	beside(t)
	ns, stuck, from, tm := watched(t)
	before := tm.state()
	tm.reusewatch("top", "--from", from, "--netns", ns.Path)
	tm.await("127.0.0.1:80", "STUCK", "blocked", fmt.Sprint(stuck.pid()), "accepting")
	if tm.state() == before || !tm.coloured() {
		t.Error("nothing of the terminal has changed, or nothing has a colour")
	}

	tm.press("j", "k", "Down", "Up", "Down", "Enter")
	tm.await("CLIENTS", "OWNERS")
	tm.press("Escape")
	tm.awaitNot("OWNERS")

	tm.press("?")
	tm.await("filter", "pause")
	tm.press("?")

	tm.press("/")
	tm.typed("no-such-listener")
	tm.awaitNot("blocked")
	tm.press("/", "C-u")
	tm.typed(fmt.Sprint(stuck.pid()))
	tm.await("blocked", "filter: ")
	tm.press("Escape") // a key after it at once would be Alt and that key
	tm.awaitNot("filter: ")

	tm.press("p")
	tm.await("PAUSED")
	tm.press("p")
	tm.awaitNot("PAUSED")

	tm.press("K")
	tm.await("--allow-actions")
	if gone(stuck.pid()) {
		t.Fatal("it was only looked at, and has ended")
	}

	tm.resize(40, 10)
	tm.await("STUCK")
	for _, line := range lines(tm.screen()) {
		if len([]rune(line)) > 40 {
			t.Errorf("%q is wider than the terminal", line)
		}
	}
	tm.resize(120, 40)
	tm.await("blocked")

	tm.press("q")
	tm.await("ended: 0")
	if after := tm.state(); after != before {
		t.Errorf("the terminal was\n%s\nand is\n%s", before, after)
	}
}

// TestTopEnds: however it ends, the terminal is as it was.
func TestTopEnds(t *testing.T) {
	beside(t)
	ns, _, from, tm := watched(t)
	before := tm.state()
	for name, end := range map[string]func(pid int){
		"Ctrl-C":  func(int) { tm.press("C-c") },
		"SIGTERM": func(pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) },
	} {
		tm.reusewatch("top", "--from", from, "--netns", ns.Path)
		tm.await("blocked")
		end(tm.foreground())
		tm.await("ended: ")
		if after := tm.state(); after != before {
			t.Errorf("%s: the terminal was\n%s\nand is\n%s", name, before, after)
		}
	}
}

// TestTopActs: behind a question that shows the gate's answer, through the gate.
func TestTopActs(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	healthy := serve(t, ns, server{Addr: web})
	stays(t, healthy)
	stuck := serve(t, ns, server{Addr: web, Then: wayMutex})
	v := queueUp(t, ns, web, 20)
	load(t, ns, web, 2)
	tm := newTerminal(t, 120, 40)
	tm.reusewatch("top", "--from", "kernel", "--netns", ns.Path, "--allow-actions", "--state-dir", t.TempDir(),
		"--interval", "200ms", "--stuck-after", "1s", "--act-after", "2s", "--startup-grace", "1s",
		"--allow-served", "--act-after-served", "2s", "--term-grace", "1s")
	tm.await("STUCK", "blocked")
	tm.press("/")
	tm.typed(fmt.Sprint(stuck.pid()))
	tm.press("End", "K")
	question := fmt.Sprintf("Kill scenarios.test pid %d", stuck.pid())
	tm.await(question, "nothing holds")
	tm.press("n")
	tm.awaitNot(question)
	if gone(stuck.pid()) {
		t.Fatal("the answer was no, and it has ended")
	}
	tm.press("K")
	tm.await(question)
	tm.press("y")
	livetest.Eventually(t, "it has ended", func() bool { return gone(stuck.pid()) })
	tm.await("rescued")
	if o := v.outcome(t); o != (outcome{answered: 20}) {
		t.Errorf("%+v, want all of 20 answered", o)
	}
	tm.press("Escape")
	tm.awaitNot("rescued")
	tm.press("q")
	tm.await("ended: 0")
}

// TestTopPlain: no colour where none is wanted, and none without a terminal.
func TestTopPlain(t *testing.T) {
	beside(t)
	ns, stuck, from, tm := watched(t, "NO_COLOR=1")
	tm.reusewatch("top", "--from", from, "--netns", ns.Path)
	tm.await("blocked")
	if tm.coloured() {
		t.Error("colours, though NO_COLOR is set")
	}
	tm.press("q")
	tm.await("ended: 0")
	tm.reusewatch("top", "--from", from, "--netns", ns.Path, "</dev/null", "|", "cat")
	tm.await("needs a terminal", "--batch")

	stdout, stderr, code := output(t, "top", "-b", "-n", "3", "--from", from, "--netns", ns.Path)
	named := strings.Count(stdout, fmt.Sprint(stuck.pid()))
	if code != 0 || stderr != "" || named < 3 || strings.Contains(stdout, "\x1b") {
		t.Errorf("exit code %d, %q:\n%s", code, stderr, stdout)
	}
}
