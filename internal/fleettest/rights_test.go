package fleettest

import (
	"os"
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
		{"CAP_DAC_READ_SEARCH", "how many descriptors processes of other users have, before Linux 6.2", notCounted},
		{"CAP_SYS_ADMIN", "to enter network namespaces", notEntered},
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

// notCounted: whether it is at its limit is not known where the kernel does not give the
// number of descriptors as the size of their folder. What it does and where it waits is
// told without any right to its files.
func notCounted(t *testing.T, p *pod, caps []string) {
	folder, err := os.Stat("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, right := range []bool{false, true} {
		if right {
			caps = deploy.Observing()
		}
		o := looked(t, p, caps)
		if known := right || folder.Size() > 0; (o.FilesFull != nil) != known {
			t.Errorf("with the right %v: known %v, want %v", right, o.FilesFull != nil, known)
		}
		if o.Usage == nil || len(o.Threads) == 0 || len(o.Threads[0].Stack) == 0 {
			t.Errorf("with the right %v: %+v", right, o)
		}
	}
}

// notEntered: nobody acts in a namespace that he cannot enter.
func notEntered(t *testing.T, p *pod, caps []string) {
	_, e := daemonSet(t, p, caps, "--action", "kill", "--namespace", podNamespace)
	_, held := e.await(func(e event) bool {
		return e.Event == "held" && slices.Contains(e.Listener.Decision.Reasons, "changed-meanwhile")
	})
	if !held {
		t.Error("not held at the last look")
	}
	for _, ev := range e.so() {
		if ev.Event == "acting" {
			t.Errorf("%+v", ev)
		}
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
	ended := e.must("acted", "act_failed")
	if ended.Event != "act_failed" || ended.Error == nil || !strings.Contains(*ended.Error, "not permitted") {
		t.Errorf("%+v, want the act refused by the kernel", ended)
	}
}
