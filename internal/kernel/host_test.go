package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeHost stands for hosts that cannot be had: with kernels that Debian does not
// build, without /proc, in a pid namespace of its own.
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
	return hostFS{
		proc: filepath.Join(root, "proc"), sys: filepath.Join(root, "sys"), release: "6.1.0-48-amd64",
		askTypes: func() ([]byte, error) { return nil, errNoTypes },
	}
}

const (
	allCaps   = "Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0000000000000000\n"
	observers = "CapEff:\t000000c000080000\n" // BPF, PERFMON, SYS_PTRACE
)

func lacksBTF(files map[string]string, _ *hostFS) { delete(files, "sys/kernel/btf/vmlinux") }

func TestCheckHost(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]string, *hostFS)
		types  *Types
		want   []string // nil: it can be observed
	}{
		"all is there":                {func(map[string]string, *hostFS) {}, nil, nil},
		"just the three capabilities": {func(f map[string]string, _ *hostFS) { f["proc/self/status"] = observers }, nil, nil},
		"5.17":                        {func(_ map[string]string, h *hostFS) { h.release = "5.17.0" }, nil, nil},
		"5.16": {func(_ map[string]string, h *hostFS) { h.release = "5.16-rc1" }, nil,
			[]string{"5.16-rc1 is too old", "5.17", "boot a newer kernel"}},
		"a nonsense release": {func(_ map[string]string, h *hostFS) { h.release = "linux" }, nil,
			[]string{"too old"}},
		"no BTF of its own": {lacksBTF, nil,
			[]string{"no BTF", "built without", "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y"}},
		"no BTF of its own, but a file": {lacksBTF, &Types{path: "/x", raw: []byte("btf")},
			[]string{"no BTF", "no file can stand for it"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"proc/self/status": allCaps, "sys/kernel/btf/vmlinux": "btf"}
			change := hostFS{}
			c.change(files, &change)
			host := fakeHost(t, files, initPIDInode)
			if change.release != "" {
				host.release = change.release
			}
			checkRefusal(t, checked(t, host, c.types), c.want)
		})
	}
	files := map[string]string{"proc/self/status": allCaps, "sys/kernel/btf/vmlinux": "btf"}
	elsewhere := fakeHost(t, files, "pid:[4026532999]")
	checkRefusal(t, checked(t, elsewhere, nil), []string{"pid namespace", "hostPID"})
	if _, err := fakeHost(t, nil, initPIDInode).inspect(nil); err == nil {
		t.Error("a host without /proc tells its capabilities")
	}
}

func checked(t *testing.T, host hostFS, types *Types) error {
	t.Helper()
	h, err := host.inspect(types)
	if err != nil {
		t.Fatal(err)
	}
	return h.check()
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
