package fleettest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/deploy"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// daemonSet runs reusewatch as the DaemonSet does: in a container with the host's
// pid namespace and a network namespace of its own, as root with these
// capabilities and no others.
func daemonSet(t *testing.T, p *pod, caps []string, args ...string) (*container, *events) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	c := start(t, spec{
		root: rootFS(t, reusewatch(), "var/log/containers"), cgroups: "/kubepods/burstable/pod" + podUID(t),
		args: append([]string{"/reusewatch"}, inContainer(p, args...)...), caps: caps,
		spaces: []space{{Type: "network"}, {Type: "uts"}, {Type: "ipc"}},
		mounts: []mount{
			bind("/sys", "/sys", "ro"), {"/run", "tmpfs", "tmpfs", nil}, bind(p.logs, "/var/log/containers", "ro"),
		},
		stdout: w,
	})
	_ = w.Close()
	return c, read(t, r)
}

// inContainer are the flags of a run: as on the host, but for the paths.
func inContainer(p *pod, args ...string) []string {
	all := quick(p, args...)
	all[slices.Index(all, "--netns")+1] = fmt.Sprintf("pid:%d", p.stuck.PID)
	all[slices.Index(all, "--container-logs")+1] = "/var/log/containers"
	return all
}

// TestDaemonSetObserves: with the rights of the base it finds the stuck one, which
// was there before it, in a network namespace that it may not enter, and says why
// it is not ended.
func TestDaemonSetObserves(t *testing.T) {
	p := stuckPod(t)
	_, e := daemonSet(t, p, deploy.Observing())
	p.attributed(t, e.must("stuck"))
	// It counts in a namespace that it may not enter: that a sibling accepts is known.
	held := e.must("held").Listener.Decision
	if held.Reasons[0] != "not-armed" || slices.Contains(held.Reasons, "no-sibling-accepted") {
		t.Errorf("held for %v, want not-armed first and its sibling known to accept", held.Reasons)
	}
	if !p.stuck.alive() {
		t.Error("it has ended")
	}
}

// TestDaemonSetEnforces: with those of an overlay that acts it ends it and takes
// the clients along.
func TestDaemonSetEnforces(t *testing.T) {
	for overlay, caps := range map[string][]string{"enforce": deploy.Acting(), "privileged": allCaps(t)} {
		t.Run(overlay, func(t *testing.T) {
			p := stuckPod(t)
			_, e := daemonSet(t, p, caps, "--action", "kill", "--namespace", podNamespace)
			p.attributed(t, e.must("stuck"))
			acted := e.must("acted", "act_failed")
			if acted.Event != "acted" || acted.PID != p.stuck.PID || acted.Rescued == nil {
				t.Errorf("%+v, want pid %d ended and its clients rescued", acted, p.stuck.PID)
			}
			livetest.Eventually(t, "the stuck container has ended", func() bool { return !p.stuck.alive() })
			if !p.healthy.alive() {
				t.Error("the healthy container has ended too")
			}
		})
	}
}

// allCaps are all that this test has, in the order of <linux/capability.h>: as much as
// a privileged container gets here.
func allCaps(t *testing.T) []string {
	t.Helper()
	names := strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
		LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE
		SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
		SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
		WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "CapBnd:\t")
	var have uint64
	if _, err := fmt.Sscanf(rest, "%x", &have); err != nil {
		t.Fatal(err)
	}
	var caps []string
	for i, name := range names {
		if have&(1<<i) != 0 {
			caps = append(caps, "CAP_"+name)
		}
	}
	return caps
}

// without gives the capabilities but for one.
func without(caps []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(caps), func(c string) bool { return c == one })
}
