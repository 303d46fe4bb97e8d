package fleettest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestContainerSeenFromTheHost: the one that is stuck is told with its container
// and its pod, and ended; the container beside it in the pod goes on.
func TestContainerSeenFromTheHost(t *testing.T) {
	p := stuckPod(t)
	e := onHost(t, quick(p, "--action", "kill", "--state-dir", t.TempDir(), "--namespace", podNamespace)...)
	stuck := e.must("stuck")
	p.attributed(t, stuck)
	acted := e.must("acted", "act_failed")
	if acted.Event != "acted" || acted.PID != p.stuck.PID {
		t.Errorf("%+v, want pid %d ended", acted, p.stuck.PID)
	}
	livetest.Eventually(t, "the stuck container has ended", func() bool { return !p.stuck.alive() })
	if !p.healthy.alive() {
		t.Error("the healthy container has ended too")
	}
	for i := range 50 {
		if err := p.ask(t.Context()); err != nil {
			t.Fatalf("request %d after the act: %v", i, err)
		}
	}
}

// attributed checks what an event says of the stuck one.
func (p *pod) attributed(t *testing.T, e event) {
	t.Helper()
	l := e.Listener
	if l.Local != "127.0.0.1:8080" || len(l.Owners) != 1 || l.Owners[0].Container == nil {
		t.Fatalf("%+v, want one owner, in a container", l)
	}
	o := l.Owners[0]
	if o.PID != p.stuck.PID || o.NSPID != 1 || !o.Culprit {
		t.Errorf("pid %d, inside %d; want %d, inside 1, the culprit", o.PID, o.NSPID, p.stuck.PID)
	}
	got := map[string]string{}
	in := o.Container
	for name, v := range map[string]*string{
		"id": in.ID, "pod uid": in.PodUID, "pod": in.Pod, "namespace": in.Namespace, "name": in.Name,
	} {
		if v != nil {
			got[name] = *v
		}
	}
	want := map[string]string{
		"id": p.stuck.ID, "pod uid": p.UID, "pod": podName, "namespace": podNamespace, "name": "proxy-old",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	const where = "in pod shop/web-5f7d9c-x2x7k container proxy-old"
	if l.Evidence == nil || l.Evidence.Text == nil || !strings.Contains(*l.Evidence.Text, where) {
		t.Errorf("the sentence names no pod: %+v", l.Evidence)
	}
}

// TestFiltersByContainer: each chooses the listeners of the pod, or none.
func TestFiltersByContainer(t *testing.T) {
	p := stuckPod(t)
	for filter, want := range map[string]int{
		"--container=" + p.stuck.ID[:8]:   1,
		"--container=" + p.healthy.ID:     1,
		"--pod=web-*":                     2,
		"--pod=" + podName:                2,
		"--pod=web":                       0,
		"--namespace=shop":                2,
		"--namespace=default":             0,
		"--namespace=shop --pod=db-*":     0,
		"--namespace=shop --comm=haproxy": 2,
	} {
		got := listeners(t, p.Path, append(strings.Fields(filter), "--container-logs", p.logs)...)
		if len(got) != want {
			t.Errorf("%s: %d listeners, want %d", filter, len(got), want)
		}
	}
}

// TestNoBrokenRuntimeHarmsWatching: with a CRI socket that nobody answers at, the
// stuck one is found as soon, its names coming from the links.
func TestNoBrokenRuntimeHarmsWatching(t *testing.T) {
	p := stuckPod(t)
	begun := time.Now()
	e := onHost(t, quick(p, "--cri-socket", t.TempDir()+"/none.sock")...)
	p.attributed(t, e.must("stuck"))
	t.Logf("stuck after %v", time.Since(begun))
}
