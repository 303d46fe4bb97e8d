package fleettest

import (
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/deploy"
)

// TestEachRightIsNeeded: without any one of the capabilities something that the
// page promises is missing, so the sets are the least.
func TestEachRightIsNeeded(t *testing.T) {
	p := stuckPod(t)
	var tried []string
	for _, c := range []struct {
		right  string
		needed string // for what
		gone   func(*testing.T, *pod, []string)
	}{
		{"CAP_BPF", "programs and maps", refused},
		{"CAP_PERFMON", "tracepoints and iterators", refused},
		{"CAP_SYS_PTRACE", "executables and network namespaces of others", refused},
		{"CAP_DAC_READ_SEARCH", "what processes of other users do", noUsage},
		{"CAP_SYS_ADMIN", "kernel stacks, and to enter network namespaces", noStacks},
		{"CAP_KILL", "processes of other users", actFails},
	} {
		t.Run(c.right, func(t *testing.T) {
			set := deploy.Acting()
			if slices.Contains(deploy.Observing(), c.right) {
				set = deploy.Observing()
			}
			c.gone(t, p, without(set, c.right))
			if !p.stuck.alive() {
				t.Fatalf("without %s, for %s, it was ended all the same", c.right, c.needed)
			}
		})
		tried = append(tried, c.right)
	}
	if !slices.Equal(tried, deploy.Acting()) {
		t.Errorf("tried without each of %v, the sets have %v", tried, deploy.Acting())
	}
}

// refused: the run ends and names what is missing.
func refused(t *testing.T, p *pod, caps []string) {
	c, e := daemonSet(t, p, caps)
	<-c.ended
	<-e.ended
	missing := "CAP_" + t.Name()[strings.LastIndex(t.Name(), "CAP_")+len("CAP_"):]
	if log := c.log.String(); !strings.Contains(log, missing) || len(e.so()) > 0 {
		t.Errorf("says %q and %d events, want it to miss %s", log, len(e.so()), missing)
	}
}

// noUsage: whether it makes progress is not known, and so it is held as busy.
func noUsage(t *testing.T, p *pod, caps []string) {
	if looked(t, p, caps).Usage != nil {
		t.Error("it could read what the process does")
	}
	if looked(t, p, deploy.Observing()).Usage == nil {
		t.Error("with it neither")
	}
}

func noStacks(t *testing.T, p *pod, caps []string) {
	stacks := func(caps []string) (n int) {
		for _, th := range looked(t, p, caps).Threads {
			n += len(th.Stack)
		}
		return n
	}
	if n := stacks(caps); n > 0 {
		t.Errorf("it could read %d frames", n)
	}
	if stacks(deploy.Acting()) == 0 {
		t.Error("with it neither")
	}
}

// looked is what a run that does not act finds out about the stuck process.
func looked(t *testing.T, p *pod, caps []string) ownerEvidence {
	t.Helper()
	_, e := daemonSet(t, p, caps)
	stuck := e.must("stuck")
	if stuck.Listener.Evidence == nil || len(stuck.Listener.Evidence.Owners) != 1 {
		t.Fatalf("%+v, want the evidence of one owner", stuck)
	}
	return stuck.Listener.Evidence.Owners[0]
}

func actFails(t *testing.T, p *pod, caps []string) {
	_, e := daemonSet(t, p, caps, "--action", "kill", "--namespace", podNamespace)
	if ended := e.must("acted", "act_failed"); ended.Event != "act_failed" || ended.Error == nil || !strings.Contains(*ended.Error, "not permitted") {
		t.Errorf("%+v, want the act refused by the kernel", ended)
	}
}
