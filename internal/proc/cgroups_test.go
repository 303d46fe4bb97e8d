package proc

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

func TestCgroupsGolden(t *testing.T) {
	got, err := readCgroups("testdata/proc/4711/cgroup")
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
	if got, err := readCgroups(f.path("10/cgroup")); err == nil || !strings.HasPrefix(err.Error(), "parse "+f.path("10/cgroup")) {
		t.Errorf("= %+v, %v; want a parse error", got, err)
	}
	if got, err := readCgroups(f.path("11/cgroup")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", got, err)
	}
}
