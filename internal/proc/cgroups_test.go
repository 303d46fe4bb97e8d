package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

func TestCgroupsGolden(t *testing.T) {
	got, err := readCgroups("testdata/proc/4711/cgroup")
	const docker = "/docker/0a3e5c7d9b1f2e4d6c8a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445ff"
	want := Cgroups{V2: "/system.slice/containerd.service", V1: map[string]string{
		"freezer": docker, "cpu": docker, "cpuacct": docker, "name=systemd": docker,
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
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
	prefix := "parse " + f.path("10/cgroup")
	if got, err := readCgroups(f.path("10/cgroup")); err == nil || !strings.HasPrefix(err.Error(), prefix) {
		t.Errorf("= %+v, %v; want a parse error", got, err)
	}
	if got, err := readCgroups(f.path("11/cgroup")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("= %+v, %v; want fs.ErrNotExist", got, err)
	}
}

// FuzzParseCgroups: paths are those of the file, what is read is read again from what the
// kernel would write of it, and what is refused gives nothing.
func FuzzParseCgroups(f *testing.F) {
	seedFiles(f, "cgroup")
	for _, seed := range []string{
		"0::/a:b c", "3:cpu,cpuacct:/x\n0::/../y\n", "1:name=systemd:/x (deleted)\n", "0::x\n", "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseCgroups(b)
		if err != nil {
			if !reflect.DeepEqual(got, Cgroups{}) {
				t.Errorf("parseCgroups(%q) = %+v, and %v", b, got, err)
			}
			return
		}
		var text strings.Builder
		line := func(id int, controller, path string) {
			if !strings.HasPrefix(path, "/") || !bytes.Contains(b, []byte(path)) || strings.Contains(path, "\n") {
				t.Errorf("parseCgroups(%q) has a path %q", b, path)
			}
			fmt.Fprintf(&text, "%d:%s:%s\n", id, controller, path)
		}
		for controller, path := range got.V1 {
			line(1, controller, path)
		}
		if _, nameless := got.V1[""]; nameless { // "1:,cpu:/x": no kernel writes that
			return
		}
		if got.V2 != "" {
			line(0, "", got.V2)
		}
		if again, err := parseCgroups([]byte(text.String())); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("parseCgroups(%q) = %+v, and again %+v, %v", b, got, again, err)
		}
	})
}
