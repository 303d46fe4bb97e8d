package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// putNew writes a file in directories that need not be there yet.
func putNew(t *testing.T, path, contents string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFrozen(t *testing.T) {
	const (
		v1    = "5:freezer:/a/b\n"
		v2    = "0::/a/b\n"
		v1Dir = "@/freezer/a/b/"
		v2Dir = "@/v2/a/b/"
		calm  = "populated 1\nfrozen 0\n"
	)
	v1Is := func(state string) map[string]string {
		return map[string]string{"10/cgroup": v1, v1Dir + "freezer.state": state}
	}
	v2Is := func(events, freeze string) map[string]string {
		return map[string]string{"10/cgroup": v2, v2Dir + "cgroup.events": events, v2Dir + "cgroup.freeze": freeze}
	}
	for _, tc := range []struct {
		name          string
		files         map[string]string
		frozen, known bool
	}{
		{"v1 thawed", v1Is("THAWED\n"), false, true},
		{"v1 freezing", v1Is("FREEZING\n"), true, true},
		{"v1 frozen", v1Is("FROZEN\n"), true, true},
		{"v1 nonsense", v1Is("X\n"), false, false},
		{"v1 root", map[string]string{"10/cgroup": "5:freezer:/\n"}, false, true},
		{"v1 unreachable", map[string]string{"10/cgroup": "5:freezer:/gone\n"}, false, false},
		{"v2 running", v2Is(calm, "0\n"), false, true},
		{"v2 frozen", v2Is("populated 1\nfrozen 1\n", "0\n"), true, true},
		{"v2 freezing", v2Is(calm, "1\n"), true, true},
		{"v2 parent freezing", map[string]string{"10/cgroup": v2, v2Dir + "cgroup.events": calm, v2Dir + "cgroup.freeze": "0\n", "@/v2/a/cgroup.freeze": "1\n"}, true, true},
		{"v2 sibling frozen", map[string]string{"10/cgroup": v2, v2Dir + "cgroup.events": calm, v2Dir + "cgroup.freeze": "0\n", "@/v2/a/c/cgroup.freeze": "1\n"}, false, true},
		{"v2 root", map[string]string{"10/cgroup": "0::/\n"}, false, true},
		{"v2 before 5.2", map[string]string{"10/cgroup": v2, v2Dir + "cgroup.events": "populated 1\n"}, false, true},
		{"v2 unreachable", map[string]string{"10/cgroup": "0::/gone\n"}, false, false},
		{"v2 events unreadable", map[string]string{"10/cgroup": v2, v2Dir + "cgroup.events/dir": ""}, false, false},
		{"v2 freeze unreadable", map[string]string{"10/cgroup": v2, v2Dir + "cgroup.events": calm, v2Dir + "cgroup.freeze/dir": ""}, false, false},
		{"neither", map[string]string{"10/cgroup": v1 + v2, v1Dir + "freezer.state": "THAWED\n", v2Dir + "cgroup.events": calm}, false, true},
		{"v1 of both", map[string]string{"10/cgroup": v1 + v2, v1Dir + "freezer.state": "FROZEN\n"}, true, true},
		{"v2 of both", map[string]string{"10/cgroup": v1 + v2, v1Dir + "freezer.state": "THAWED\n", v2Dir + "cgroup.events": "frozen 1\n"}, true, true},
		{"v2 frozen, v1 unreachable", map[string]string{"10/cgroup": "5:freezer:/gone\n" + v2, v2Dir + "cgroup.events": "frozen 1\n"}, true, true},
		{"v2 running, v1 unreachable", map[string]string{"10/cgroup": "5:freezer:/gone\n" + v2, v2Dir + "cgroup.events": calm}, false, false},
		{"other controllers only", map[string]string{"10/cgroup": "4:cpu:/a\n"}, false, true},
		{"no cgroup file", map[string]string{}, false, false},
		{"a thread's, the leader ended", map[string]string{
			"10/stat": "10 (x) Z" + behindName[1:], "10/cgroup": "5:freezer:/\n", "10/task/11/stat": statLine,
			"10/task/11/cgroup": v1, v1Dir + "freezer.state": "FROZEN\n",
		}, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{
				"10/stat": statLine, "@/freezer/cgroup.procs": "", "@/v2/cgroup.procs": "",
				v1Dir + "cgroup.procs": "", v2Dir + "cgroup.procs": "",
			}
			for name, contents := range tc.files {
				files[name] = contents
			}
			if frozen, known := fakeCgroups(t, files).Frozen(10); frozen != tc.frozen || known != tc.known {
				t.Errorf("= %v, %v; want %v, %v", frozen, known, tc.frozen, tc.known)
			}
		})
	}
	if frozen, known := fakeCgroups(t, nil).Frozen(10); frozen || known {
		t.Errorf("a process that is not there: %v, %v", frozen, known)
	}
}

// A container may put what it likes where its cgroups should be: it must not
// make us wait.
func TestCgroupFileIsFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "cgroup.events"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := readCgroupFile(dir, "cgroup.events"); err == nil || !strings.HasSuffix(err.Error(), "not a regular file") {
		t.Errorf("= %q, %v", b, err)
	}
}
