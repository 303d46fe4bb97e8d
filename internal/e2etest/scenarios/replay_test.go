package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestPolicyTakenAnewAndReplay observes a stuck haproxy under a policy file that
// changes: a bad one keeps the old in force, a good one arms it. What was
// recorded is then judged again by other policies.
func TestPolicyTakenAnewAndReplay(t *testing.T) {
	ns, dir := livetest.Netns(t), t.TempDir()
	stuck := stuckOnStderr(t, ns, dir)
	healthy := healthyHaproxy(t, ns, dir)
	load(t, ns, "127.0.0.1:80", 8)

	const observing = "defaults: {action: observe, stuck-after: 2s, act-after: 3s, startup-grace: 0s}\n"
	config, recording := write(t, dir, "policy.yaml", observing), filepath.Join(dir, "recording")
	r := run(t, "--netns", ns.Path, "--config", config, "--interval", "200ms", "--record", recording,
		"--state-dir", filepath.Join(dir, "state"))
	r.await("it would act", func(e told) bool {
		return e.Event == "held" && e.Listener.Decision.Act == "observe" && e.Listener.Owners[0].PID == stuck.pid()
	})

	reload := func(text, says string) {
		write(t, dir, "policy.yaml", text)
		if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		livetest.Eventually(t, says, func() bool { return strings.Contains(r.errs.String(), says) })
	}
	reload("defaults: {acton: kill}\n", "the old policy stays")
	if !strings.Contains(r.errs.String(), `policy.yaml:1:12: unknown key`) {
		t.Errorf("says nothing of the mistake: %s", r.errs.String())
	}
	reload(strings.Replace(observing, "observe", "kill", 1), "policy taken anew")
	acted := r.await("acted", func(e told) bool { return e.Event == "acted" || e.Event == "act_failed" })
	if acted.Event != "acted" || acted.PID != stuck.pid() || !healthy.alive() {
		t.Errorf("%+v, healthy %v", acted, healthy.alive())
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	replay := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := output(t, append([]string{"replay", recording}, args...)...)
		if code != 0 {
			t.Fatalf("replay %v: exit code %d: %s", args, code, stderr)
		}
		return stdout
	}
	would := fmt.Sprintf("kill pid %d", stuck.pid())
	armed := []string{"--action", "kill", "--stuck-after", "2s", "--act-after", "3s", "--startup-grace", "0s"}
	first := replay(armed...)
	if !strings.Contains(first, would) || !strings.Contains(first, "acts: 1") {
		t.Errorf("armed: %s", first)
	}
	if again := replay(armed...); again != first {
		t.Errorf("the same file and policy give other bytes:\n%s\n%s", first, again)
	}
	for _, other := range [][]string{
		{"--stuck-after", "2s"}, append(armed, "--act-after", "1h"), append(armed, "--protect", "haproxy"),
	} {
		if got := replay(other...); strings.Contains(got, would) || !strings.Contains(got, "listeners flagged: 1, acts: 0") {
			t.Errorf("%v: %s", other, got)
		}
	}
	for _, bad := range [][]string{{"replay", config}, {"replay", filepath.Join(dir, "none")}, {"replay"}} {
		if _, stderr, code := output(t, bad...); code != cli.ExitUsage || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d, %q", bad, code, stderr)
		}
	}
	if info, err := os.Stat(recording); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("recording: %v, %v; want it private", info, err)
	}
}
