package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeHost stands for hosts that cannot be had here: too old, without BTF,
// locked down, in a pid namespace of its own.
func fakeHost(t *testing.T, files map[string]string, pidNamespace string) hostFS {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "proc/self/ns"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pidNamespace, filepath.Join(root, "proc/self/ns/pid")); err != nil {
		t.Fatal(err)
	}
	return hostFS{proc: filepath.Join(root, "proc"), sys: filepath.Join(root, "sys"), release: "6.1.0-48-amd64"}
}

const (
	allCaps   = "Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0000000000000000\n"
	observers = "CapEff:\t000000c000080000\n" // BPF, PERFMON, SYS_PTRACE
)

func TestCheckHost(t *testing.T) {
	good := func() map[string]string {
		return map[string]string{
			"proc/self/status":             allCaps,
			"sys/kernel/btf/vmlinux":       "btf",
			"sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
		}
	}
	for name, c := range map[string]struct {
		change func(map[string]string, *hostFS)
		want   []string // nil: it can be observed
	}{
		"all is there":                {func(map[string]string, *hostFS) {}, nil},
		"just the three capabilities": {func(f map[string]string, _ *hostFS) { f["proc/self/status"] = observers }, nil},
		"lockdown is not told":        {func(f map[string]string, _ *hostFS) { delete(f, "sys/kernel/security/lockdown") }, nil},
		"5.17":                        {func(_ map[string]string, h *hostFS) { h.release = "5.17.0" }, nil},
		"5.10": {func(_ map[string]string, h *hostFS) { h.release = "5.10.0-35-amd64" },
			[]string{"kernel 5.10.0-35-amd64 is too old", "5.17", "boot a newer kernel"}},
		"5.16":               {func(_ map[string]string, h *hostFS) { h.release = "5.16-rc1" }, []string{"too old"}},
		"a nonsense release": {func(_ map[string]string, h *hostFS) { h.release = "linux" }, []string{"too old"}},
		"no BTF": {func(f map[string]string, _ *hostFS) { delete(f, "sys/kernel/btf/vmlinux") },
			[]string{"no BTF", "CONFIG_DEBUG_INFO_BTF"}},
		"confidentiality": {func(f map[string]string, _ *hostFS) {
			f["sys/kernel/security/lockdown"] = "none integrity [confidentiality]\n"
		}, []string{"confidentiality", "lockdown=integrity"}},
		"no capability": {func(f map[string]string, _ *hostFS) { f["proc/self/status"] = "CapEff:\t0000000000000000\n" },
			[]string{"CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE;", "run it as root"}},
		"no /proc": {func(f map[string]string, _ *hostFS) { delete(f, "proc/self/status") }, []string{"/proc is mounted"}},
	} {
		t.Run(name, func(t *testing.T) {
			files, change := good(), hostFS{}
			c.change(files, &change)
			host := fakeHost(t, files, initPIDInode)
			if change.release != "" {
				host.release = change.release
			}
			checkRefusal(t, checkHost(host), c.want)
		})
	}
	checkRefusal(t, checkHost(fakeHost(t, good(), "pid:[4026532999]")), []string{"pid namespace", "hostPID"})
}

func checkRefusal(t *testing.T, err error, want []string) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var blind *CannotObserve
	if !errors.As(err, &blind) || blind.Missing == "" || blind.WayOut == "" {
		t.Fatalf("%v, want a CannotObserve with a way out", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q says nothing of %q", err, w)
		}
	}
}
