package scenarios

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestKilledInTheAct ends reusewatch by SIGKILL at any moment of an act. After
// the next start all is as it was before: nothing is attached, the sysctl is the
// old one, and no act stands open in the log.
func TestKilledInTheAct(t *testing.T) {
	beside(t)
	const rounds = 8
	ns := livetest.Netns(t)
	state := t.TempDir()
	log := filepath.Join(state, "audit.log")
	interrupted := 0
	for round := range rounds {
		// MPTCP takes the sysctl, the others the program; those who defer leave
		// handshakes, for which the program stays on where the kernel moves them.
		s := server{Addr: web, MPTCP: round%2 == 0, DeferAccept: 30 * (round / 2 % 2)}
		healthy := serve(t, ns, s)
		deaf := s
		deaf.Then = wayMutex
		stuck := serve(t, ns, deaf)
		v := queueUp(t, ns, web, 20)
		quick := []string{
			"--action", "close", "--audit-log", log, "--evidence-dir", filepath.Join(state, "evidence"), "--max-acts", "9/1s",
			"--stuck-after", "200ms", "--act-after", "300ms", "--startup-grace", "0s", "--interval", "50ms",
		}
		// The host's budget allows five an hour.
		if err := os.Remove(filepath.Join(state, "acts.json")); err != nil && round > 0 {
			t.Fatal(err)
		}
		r := armIn(t, ns, state, quick...)
		c := load(t, ns, web, 4)
		r.await("acting", func(e told) bool { return e.Event == "acting" })
		time.Sleep(time.Duration(rand.IntN(40_000)) * time.Microsecond)
		if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-r.ended
		c.stop()
		if _, finished := r.find(func(e told) bool { return e.Event == "acted" }); !finished {
			interrupted++
		}
		again := run(t, "--netns", ns.Path, "--state-dir", state, "--audit-log", log)
		nothingAttached(t, ns)
		intents, outcomes := audited(t, log)
		if intents != round+1 || outcomes != intents {
			t.Fatalf("round %d: %d intents, %d outcomes", round, intents, outcomes)
		}
		if code := again.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, p := range []*process{healthy, stuck} {
			if !p.alive() {
				t.Fatal("a process has ended")
			}
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-p.ended
		}
		v.leave(v.waiting...)
	}
	if interrupted < rounds/4 {
		t.Errorf("only %d of %d acts were interrupted", interrupted, rounds)
	}
	t.Logf("%d of %d acts were interrupted", interrupted, rounds)
}

// TestTwoAgents: a unit and a container, both armed on one host, act once.
func TestTwoAgents(t *testing.T) {
	beside(t)
	ns := livetest.Netns(t)
	stays(t, serve(t, ns, server{Addr: web}))
	stuck := serve(t, ns, server{Addr: web, Then: wayMutex})
	first := arm(t, ns)
	// As a container of the host's pid namespace: mounts, /proc and state of its own.
	// The lock is the kernel's.
	inside := command(t, append(slices.Clone(first.cmd.Args[1:]), "--state-dir", t.TempDir())...)
	inside.Args = append([]string{"unshare", "--mount-proc", inside.Path}, inside.Args[1:]...)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	inside.Path = unshare
	second := await(t, inside)
	v := queueUp(t, ns, web, 100)
	load(t, ns, web, 4)
	livetest.Eventually(t, "its process has ended", func() bool { return gone(stuck.pid()) })
	look()
	acts := 0
	for _, r := range []*runner{first, second} {
		for _, e := range r.all() {
			if e.Event == "acting" {
				acts++
			}
		}
		only(t, r, stuck.pid())
	}
	if acts != 1 {
		t.Errorf("%d acts, want one", acts)
	}
	if o := v.outcome(t); o != (outcome{answered: 100}) {
		t.Errorf("%+v, want all of 100 answered", o)
	}
}

// audited counts the lines of an audit log.
func audited(t *testing.T, path string) (intents, outcomes int) {
	t.Helper()
	for _, e := range auditLog(t, path) {
		switch e.Kind {
		case "intent":
			intents++
		case "outcome":
			outcomes++
		}
	}
	return intents, outcomes
}

// auditEntry is what a test reads of one.
type auditEntry struct {
	Kind, Action, Comm, Cause, By, Result, Method, Policy, Evidence string
	ActID                                                           string `json:"act_id"`
	PID                                                             int
	Rescued, Stale                                                  *int
	Listeners                                                       []string
}

func auditLog(t *testing.T, path string) []auditEntry {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return jsonLines[auditEntry](t, string(b))
}
