// Package systemd_test tries the unit under a real systemd, as its packages install
// it, in a VM of scripts/systemd-test.
package systemd_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

const dropins = "/etc/systemd/system/reusewatch.service.d"

// inVM skips the test where this machine's own systemd would be changed.
func inVM(t *testing.T) {
	t.Helper()
	if !livetest.InVM() {
		t.Skip("needs a VM: scripts/systemd-test")
	}
}

// do runs a program, which must end well unless it may fail.
func do(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s\n%s", name, args, err, out, journal(t))
	}
	return strings.TrimSpace(string(out))
}

func journal(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("journalctl", "-b", "-u", "reusewatch", "-o", "cat", "--no-pager").CombinedOutput()
	if err != nil {
		t.Fatalf("journalctl: %v", err)
	}
	return string(out)
}

// show gives a property of the service.
func show(t *testing.T, property string) string {
	t.Helper()
	return do(t, "systemctl", "show", "--value", "-p", property, "reusewatch")
}

// awaits waits longer than livetest does: an emulated machine restarts services.
func awaits(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s; it is %s, %q\n%s", what, show(t, "ActiveState"), show(t, "StatusText"), journal(t))
		}
	}
}

// said waits for words in the journal, whatever the columns.
func said(t *testing.T, what string) {
	t.Helper()
	awaits(t, fmt.Sprintf("%q in the journal", what), func() bool {
		return strings.Contains(strings.Join(strings.Fields(journal(t)), " "), what)
	})
}

// started starts the service with these drop-ins, texts by name; it is as it was
// installed after the test.
func started(t *testing.T, with map[string]string) {
	t.Helper()
	inVM(t)
	if err := os.MkdirAll(dropins, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range with {
		put(t, filepath.Join(dropins, name), text)
	}
	t.Cleanup(func() {
		do(t, "systemctl", "stop", "reusewatch")
		_ = os.RemoveAll(dropins)
		do(t, "systemctl", "daemon-reload")
		_ = exec.Command("systemctl", "reset-failed", "reusewatch").Run()
	})
	do(t, "systemctl", "daemon-reload")
	do(t, "systemctl", "start", "reusewatch")
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// keep puts a file back when the test ends.
func keep(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { put(t, path, string(b)) })
	return string(b)
}

func shipped(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("/usr/share/reusewatch/systemd/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLife: ready, what it says while it runs, reload, stop.
func TestLife(t *testing.T) {
	inVM(t)
	policy := keep(t, "/etc/reusewatch/policy.yaml")
	started(t, nil)
	if state := show(t, "ActiveState"); state != "active" {
		t.Fatalf("started, and it is %s", state)
	}
	said(t, "ready watching")
	awaits(t, "a status", func() bool { return strings.Contains(show(t, "StatusText"), " 0 stuck, functions tier") })

	for path, want := range map[string]string{"/healthz": "", "/readyz": "", "/metrics": "reusewatch_"} {
		if got := get(t, "http://127.0.0.1:9793"+path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}

	ns := livetest.Netns(t)
	l := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: l.Addr})
	awaits(t, "1 stuck", func() bool { return strings.Contains(show(t, "StatusText"), " 1 stuck, ") })
	said(t, "stuck "+l.Addr.String())
	said(t, "held: not-armed")

	put(t, "/etc/reusewatch/policy.yaml", policy+"\nhost-budget: 1/1h\n")
	do(t, "systemctl", "reload", "reusewatch")
	said(t, "policy taken anew")
	put(t, "/etc/reusewatch/policy.yaml", policy+"\nhost-bugdet: 1/1h\n")
	do(t, "systemctl", "reload", "reusewatch")
	said(t, "the old policy stays")
	if state, n := show(t, "ActiveState"), show(t, "NRestarts"); state != "active" || n != "0" {
		t.Errorf("after two reloads it is %s, %s restarts", state, n)
	}

	// What stops every act survives a restart, and so does what counts them.
	put(t, "/run/reusewatch/disarmed", "")
	do(t, "systemctl", "stop", "reusewatch")
	if result, status := show(t, "Result"), show(t, "ExecMainStatus"); result != "success" || status != "0" {
		t.Errorf("stopped: result %s, exit code %s", result, status)
	}
	if _, err := os.Stat("/run/reusewatch/disarmed"); err != nil {
		t.Errorf("disarmed is forgotten: %v", err)
	}
	_ = os.Remove("/run/reusewatch/disarmed")
}

// get asks as Prometheus and probes do.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v: %s", url, resp.Status, err, b)
	}
	return string(b)
}

// TestBadPolicy: it is tried a few times and no more.
func TestBadPolicy(t *testing.T) {
	inVM(t)
	put(t, "/etc/reusewatch/policy.yaml", keep(t, "/etc/reusewatch/policy.yaml")+"\nrulez: []\n")
	err := exec.Command("systemctl", "start", "reusewatch").Run()
	if err == nil || show(t, "ExecMainStatus") != "2" {
		t.Errorf("%v; exit code %s", err, show(t, "ExecMainStatus"))
	}
	awaits(t, "an end of it", func() bool { return show(t, "ActiveState") == "failed" })
	said(t, `unknown key "rulez"`)
	do(t, "systemctl", "reset-failed", "reusewatch")
}

// TestWatchdog: it is ended and started anew when its ticks stop while it lives.
func TestWatchdog(t *testing.T) {
	inVM(t)
	started(t, map[string]string{"test.conf": "[Service]\nWatchdogSec=4s\nCPUQuota=400%\n"})
	pid := show(t, "MainPID")
	time.Sleep(5 * time.Second) // fed, it does not trip
	if n := show(t, "NRestarts"); n != "0" {
		t.Fatalf("%s restarts, and nothing was wrong", n)
	}
	// It gets a thousandth of a CPU, which is too little for a look at one that is stuck.
	ns := livetest.Netns(t)
	stuck := ns.Listen(livetest.Listen{})
	ns.Dial(livetest.Dial{To: stuck.Dest(livetest.V4)})
	quota := "/sys/fs/cgroup" + show(t, "ControlGroup") + "/cpu.max"
	put(t, quota, "1000 1000000")
	awaits(t, "a trip", func() bool { return strings.Contains(journal(t), "Watchdog timeout") })
	put(t, quota, "max 1000000") // what it has to say of itself takes some CPU
	awaits(t, "a restart", func() bool { return show(t, "NRestarts") == "1" })
	awaits(t, "ready again", func() bool { return show(t, "ActiveState") == "active" && show(t, "MainPID") != pid })
	said(t, "stacks=/run/reusewatch/stalled.txt")
	if strings.Contains(journal(t), "goroutine ") {
		t.Error("stacks are in the journal")
	}
	stacks, err := os.ReadFile("/run/reusewatch/stalled.txt")
	if err != nil || !strings.Contains(string(stacks), "(*Watcher).Run") {
		t.Errorf("the stacks do not say where it stood: %v", err)
	}
}

// TestExposure: how much the service could do, by systemd's own measure.
func TestExposure(t *testing.T) {
	inVM(t)
	unit, err := os.ReadFile("/usr/lib/systemd/system/reusewatch.service")
	if err != nil {
		t.Fatal(err)
	}
	for name, most := range map[string]string{"": "26", "armed.conf": "30"} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "reusewatch.service"), string(unit))
		if name != "" {
			if err := os.Mkdir(filepath.Join(dir, "reusewatch.service.d"), 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, "reusewatch.service.d", name), shipped(t, name))
		}
		out := do(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+most,
			filepath.Join(dir, "reusewatch.service"))
		t.Log(out[strings.LastIndex(out, "→"):])
	}
	do(t, "systemd-analyze", "--man=no", "verify", "reusewatch.service")
}
