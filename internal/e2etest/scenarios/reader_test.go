package scenarios

import (
	"bufio"
	"os"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// readNoMore starts an armed run, and reads what it tells up to "ready".
func readNoMore(t *testing.T, ns *livetest.Namespace) (cmd *process, reader *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := command(t, "run", "-o", "json", "--action", "kill", "--netns", ns.Path, "--state-dir", t.TempDir(),
		"--stuck-after", "2s", "--act-after", "3s", "--act-after-served", "4s", "--allow-served",
		"--startup-grace", "1s", "--interval", "200ms")
	p := &process{Cmd: c, ended: make(chan struct{})}
	c.Stdout, c.Stderr = w, &p.log
	livetest.NewThread(t).Do(func() { err = c.Start() })
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%v: %s", c.Args[1:], p.log.String())
		}
	})
	if line, err := bufio.NewReaderSize(r, 16).ReadSlice('{'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return p, r
}

// TestNobodyReads: a reader that stopped reading stops no look, no act and no end.
func TestNobodyReads(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	cmd, _ := readNoMore(t, ns)
	ns.Group(200, livetest.Listen{}) // more is told of these than a pipe holds
	stuck := serve(t, ns, server{Addr: web, Answers: 3, Then: wayMutex})
	stays(t, serve(t, ns, server{Addr: web}))
	hangs(t, ns, web)
	livetest.Eventually(t, "the one that hangs is ended", func() bool { return gone(stuck.pid()) })
	if !cmd.alive() {
		t.Fatal("it has ended")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	livetest.Eventually(t, "it ends", func() bool { return !cmd.alive() })
}

// TestReaderGone: nobody would learn of an act any more. A service manager must not take
// that for a clean end.
func TestReaderGone(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	cmd, reader := readNoMore(t, ns)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	ns.Group(8, livetest.Listen{}) // something to tell
	<-cmd.ended
	if code := cmd.ProcessState.ExitCode(); code != cli.ExitInternal {
		t.Errorf("%v: want exit code %d", cmd.ProcessState, cli.ExitInternal)
	}
}
