package proc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestCgroupsGolden(t *testing.T) {
	got, err := New("testdata/proc").Cgroups(4711)
	want := Cgroups{V2: "/system.slice/containerd.service", V1: map[string]string{
		"freezer": "/docker/" + idA, "cpu": "/docker/" + idA, "cpuacct": "/docker/" + idA, "name=systemd": "/docker/" + idA,
	}}
	if err != nil || !reflect.DeepEqual(got, want) || got.Container().ID != idA {
		t.Errorf("= %+v, %v\nwant %+v", got, err, want)
	}
}

func TestParseCgroups(t *testing.T) {
	for in, want := range map[string]Cgroups{
		"0::/\n":                        {V2: "/"},
		"0::/a:b c":                     {V2: "/a:b c"},
		"3:cpu,cpuacct:/x\n0::/../y\n":  {V2: "/../y", V1: map[string]string{"cpu": "/x", "cpuacct": "/x"}},
		"1:name=systemd:/x (deleted)\n": {V1: map[string]string{"name=systemd": "/x (deleted)"}},
	} {
		if got, err := parseCgroups([]byte(in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("parseCgroups(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "\n", "0:/x\n", "0::x\n", "0::\n", "0::/\nx\n"} {
		if got, err := parseCgroups([]byte(in)); err == nil {
			t.Errorf("parseCgroups(%q) = %+v", in, got)
		}
	}
}

func TestCgroupsErrors(t *testing.T) {
	f := fakeProc(t, map[string]string{"10/stat": statLine, "10/cgroup": "x"})
	if got, err := f.Cgroups(10); err == nil || !strings.HasPrefix(err.Error(), "parse "+f.path("10/cgroup")) {
		t.Errorf("= %+v, %v; want a parse error", got, err)
	}
	if got, err := f.Cgroups(11); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", got, err)
	}
}

func TestParseCgroupMounts(t *testing.T) {
	const in = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /sys rw - sysfs sysfs rw
31 30 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 /docker/x /sys/fs/cgroup/free\040zer rw - cgroup cgroup rw,freezer
34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
35 31 0:32 / /covered/a rw - cgroup cgroup rw,pids
36 31 0:32 / /covered-not rw - cgroup cgroup rw,pids
37 31 0:33 / /covered rw - tmpfs tmpfs rw
38 31 0:34 / /twice rw - cgroup cgroup rw,memory
39 31 0:35 / /twice rw - cgroup2 cgroup2 rw
cgroup nonsense
40 31 0:36 / /short - cgroup2
`
	want := []cgroupMount{
		{options: []string{"rw", "cpu", "cpuacct"}, root: "/", path: "/sys/fs/cgroup/cpu,cpuacct"},
		{options: []string{"rw", "freezer"}, root: "/docker/x", path: "/sys/fs/cgroup/free zer"},
		{v2: true, options: []string{"rw", "nsdelegate"}, root: "/", path: "/sys/fs/cgroup/unified"},
		{options: []string{"rw", "pids"}, root: "/", path: "/covered-not"},
		{v2: true, options: []string{"rw"}, root: "/", path: "/twice"},
	}
	if got := parseCgroupMounts([]byte(in)); !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v\nwant %+v", got, want)
	}
	if got := parseCgroupMounts([]byte(in + "50 1 0:50 / / rw - overlay overlay rw\n")); len(got) != 0 {
		t.Errorf("below a new root: %+v", got)
	}
}

func TestCgroupMountHas(t *testing.T) {
	v1, v2 := cgroupMount{options: []string{"rw", "cpu", "cpuacct"}}, cgroupMount{v2: true, options: []string{"rw", "cpu"}}
	if !v1.has("cpu") || !v1.has("cpuacct") || v1.has("cp") || v1.has("") || v2.has("cpu") || !v2.has("") {
		t.Error("wrong hierarchy")
	}
}

func TestCgroupBelow(t *testing.T) {
	for _, tc := range []struct {
		root, cgroup, want string
		ok                 bool
	}{
		{"/", "/", "/", true},
		{"/", "/a/b", "/a/b", true},
		{"/", "/..", "", false},
		{"/", "/../a", "", false},
		{"/", "/..a", "/..a", true},
		{"/a", "/a", "", true},
		{"/a", "/a/b", "/b", true},
		{"/a", "/ab", "", false},
		{"/a", "/b", "", false},
		{"/../..", "/../../kubepods/c", "/kubepods/c", true},
		{"/../..", "/../..", "", true},
		{"/../..", "/../../../x", "", false},
		{"/../..", "/../x", "", false}, // shares a parent with us that has no name here
		{"/../..", "/", "", false},
		{"/../pod/c", "/../pod/c", "", true},
	} {
		if got, ok := cgroupBelow(tc.root, tc.cgroup); got != tc.want || ok != tc.ok {
			t.Errorf("cgroupBelow(%q, %q) = %q, %v; want %q, %v", tc.root, tc.cgroup, got, ok, tc.want, tc.ok)
		}
	}
}

// fakeCgroups makes a fake /proc with the cgroup file systems of a hybrid host:
// v1's cpu and freezer, and v2. In mountinfo lines "@" stands for the directory
// they are below, and so do files that start with it.
func fakeCgroups(t *testing.T, files map[string]string) FS {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"self/mountinfo": hybridMounts}
	for name, contents := range files {
		all[name] = contents
	}
	inProc := map[string]string{}
	for name, contents := range all {
		contents = strings.ReplaceAll(contents, "@", dir)
		if path, ok := strings.CutPrefix(name, "@"); ok {
			putNew(t, filepath.Join(dir, path), contents)
			continue
		}
		inProc[name] = contents
	}
	return fakeProc(t, inProc)
}

const hybridMounts = `1 0 0:1 / @/cpu rw - cgroup cgroup rw,cpu,cpuacct
2 0 0:2 / @/freezer rw - cgroup cgroup rw,freezer
3 0 0:3 / @/v2 rw - cgroup2 cgroup2 rw
`

func TestCgroupDirs(t *testing.T) {
	f := fakeCgroups(t, map[string]string{
		"self/mountinfo":                     hybridMounts + "4 0 0:3 /../.. @/host rw - cgroup2 cgroup2 rw\n",
		"10/mountinfo":                       "4 0 0:3 /../pod/c /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"@/v2/cgroup.procs":                  "",
		"@/v2/a/b/cgroup.procs":              "",
		"@/v2/a/x":                           "no cgroup",
		"@/freezer/a/cgroup.procs":           "",
		"@/host/system/cgroup.procs":         "",
		"10/root/sys/fs/cgroup/cgroup.procs": "",
	})
	b, err := readFile(f.path("self/mountinfo"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(parseCgroupMounts(b)[0].path)
	for _, tc := range []struct {
		controller, cgroup string
		want               []string
	}{
		{"", "/", []string{dir + "/v2"}},
		{"", "/a/b", []string{dir + "/v2/a/b", dir + "/v2/a", dir + "/v2"}},
		{"", "/a", nil},
		{"", "/a/b (deleted)", nil},
		{"freezer", "/a", []string{dir + "/freezer/a", dir + "/freezer"}},
		{"freezer", "/", nil},
		{"pids", "/a", nil},
		{"", "/../../system", []string{dir + "/host/system", dir + "/host"}},
		{"", "/../pod/c", []string{f.path("10/root/sys/fs/cgroup")}},
		{"", "/../pod/d", nil},
	} {
		if got := f.cgroupDirs(f.path("10"), tc.controller, tc.cgroup); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("cgroupDirs(%q, %q) = %q, want %q", tc.controller, tc.cgroup, got, tc.want)
		}
	}
	// Without our own mounts, and without any.
	if err := os.Remove(f.path("self/mountinfo")); err != nil {
		t.Fatal(err)
	}
	if got := f.cgroupDirs(f.path("10"), "", "/../pod/c"); len(got) != 1 {
		t.Errorf("= %q", got)
	}
	if got := f.cgroupDirs(f.path("11"), "", "/../pod/c"); got != nil {
		t.Errorf("= %q", got)
	}
}
