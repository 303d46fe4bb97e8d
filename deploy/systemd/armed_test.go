package systemd_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestArmed: with the shipped drop-ins, and all their hardening, it ends a stuck
// process, or closes its listener alone, and moves who waits there to the other one.
func TestArmed(t *testing.T) {
	inVM(t)
	port := shipped(t, "arm-port-80.conf")
	keep(t, "/etc/reusewatch/environment")
	put(t, "/etc/reusewatch/environment", "REUSEWATCH_OPTIONS=\"-o json\"\n")
	for name, c := range map[string]struct {
		dropin, policy, mptcp, by string // policy: the action in it
	}{
		"kill by a drop-in":   {port, "  action: observe\n", "", "sigterm"},
		"close by the policy": {"", "  action: close\n", "", "shutdown"},
		"kill, MPTCP":         {port, "  action: observe\n", " mptcp", "sigterm"},
	} {
		t.Run(name, func(t *testing.T) {
			soon := "  stuck-after: 2s\n  act-after: 4s\n"
			const file = "/etc/reusewatch/policy.yaml"
			put(t, file, strings.Replace(keep(t, file), "  action: observe\n", c.policy+soon, 1))
			started(t, map[string]string{"armed.conf": shipped(t, "armed.conf"), "arm-port-80.conf": c.dropin})
			acts(t, c.mptcp, c.by)
		})
	}
}

// acts has a stuck server and one that is well, until the first is done with.
func acts(t *testing.T, mptcp, by string) {
	t.Helper()
	before := len(journal(t))
	ns := livetest.Netns(t)
	stuck := serve(t, ns, "hang"+mptcp)
	serve(t, ns, "serve"+mptcp)
	told := func() string { return journal(t)[before:] }
	awaits(t, "an act", func() bool {
		ns.Dial(livetest.Dial{To: port80()}) // its sibling must be seen to accept
		return strings.Contains(told(), `"event":"acted"`)
	})
	s := told()
	rescue := `"rescue":"moved to other members`
	if mptcp != "" { // no program can be attached there
		rescue += ", by net.ipv4.tcp_migrate_req"
	}
	for _, want := range []string{fmt.Sprintf(`"method":%q`, by), rescue} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s:\n%s", want, s)
		}
	}
	if strings.Contains(s, "level=WARN") {
		t.Errorf("something was amiss:\n%s", s)
	}
	if alive := stuck.Process.Signal(unix.Signal(0)) == nil; by == "shutdown" && !alive {
		t.Error("closed, and its process has ended")
	}
	if by == "sigterm" {
		if err := stuck.Wait(); err == nil || !strings.Contains(err.Error(), "terminated") {
			t.Errorf("the stuck one: %v, want it to be terminated", err)
		}
	}
	if _, err := os.Stat("/var/lib/reusewatch/acts.jsonl"); err != nil {
		t.Error(err)
	}
	if kept, err := os.ReadDir("/var/lib/reusewatch/evidence"); err != nil || len(kept) == 0 {
		t.Errorf("no evidence: %v", err)
	}
}
