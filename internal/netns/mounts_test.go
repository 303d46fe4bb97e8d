package netns

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseMounts(t *testing.T) {
	in := `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw
31 22 0:4 net:[4026532281] /run/a\040b\011\012\134\043 rw - nsfs nsfs rw
32 22 0:4 mnt:[4026532282] /run/mnt rw - nsfs nsfs rw
33 22 0:4 net:[4026532283] /run/stacked rw shared:7 master:3 - nsfs nsfs rw
34 33 0:4 net:[4026532284] /run/stacked rw - nsfs nsfs rw
35 22 0:4 net:[4026532285] /run/wide` + "\u2003\u00a0\v" + `x rw - nsfs nsfs rw
36 22 0:4 net:[4026532286]/ /run/odd rw - nsfs nsfs rw
37 - nsfs 
38 22 0:4 net:[4026532287] /run/tmp rw - tmpfs nsfs rw
39 22 0:4 net:[4026532288] /run/x\04\999 rw - nsfs nsfs rw`
	want := []nsMount{
		{4026532281, "/run/netns/blue"},
		{4026532281, "/run/a b\t\n\\#"},
		{4026532284, "/run/stacked"},
		{4026532285, "/run/wide\u2003\u00a0\vx"},
		{4026532288, `/run/x\04\999`},
	}
	if got := parseMounts([]byte(in)); !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v\nwant %+v", got, want)
	}
	if got := unescapeMount(`a\04`); got != `a\04` {
		t.Errorf("cut escape = %q", got)
	}
}

func TestParseLink(t *testing.T) {
	if got, ok := parseLink("net:[4026531840]"); got != 4026531840 || !ok {
		t.Errorf("= %d, %v", got, ok)
	}
	for _, in := range []string{"", "net:[1", "net:1]", "mnt:[1]", "net:[]", "net:[-1]", "net:[4294967296]", "/x"} {
		if got, ok := parseLink(in); ok {
			t.Errorf("parseLink(%q) = %d", in, got)
		}
	}
}

func TestMerge(t *testing.T) {
	got := merge([]nsMount{
		{5, "/run/docker/netns/five"}, {5, "/proc/1/root/run/netns/host5"}, {5, "/run/netns/later"},
		{7, "/run/netns/seven"}, {7, "/run/docker/netns/seven"},
		{3, "/run/netns/sub/three"}, {3, "/srv/run/netns/three"},
	})
	want := []Namespace{
		{Inode: 3, Path: "/run/netns/sub/three"},
		{Inode: 5, Name: "host5", Path: "/proc/1/root/run/netns/host5"},
		{Inode: 7, Name: "seven", Path: "/run/netns/seven"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v\nwant %+v", got, want)
	}
}

// fakeProc makes a /proc of its own from files (path → contents, a value that starts
// with "-> " being a link): a host's from within a container cannot be had here.
func fakeProc(t *testing.T, files map[string]string) Mounts {
	t.Helper()
	m := NewMounts(t.TempDir())
	for name, contents := range files {
		path := m.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(contents, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(contents), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestMountsErrors(t *testing.T) {
	for _, m := range []Mounts{NewMounts("/does/not/exist"), fakeProc(t, map[string]string{"1/x": ""})} {
		got, err := m.All()
		const prefix = "find the network namespaces that are mounted: "
		if err == nil || !strings.HasPrefix(err.Error(), prefix) ||
			!strings.Contains(err.Error(), "self/mountinfo: no such file") {
			t.Errorf("= %+v, %v", got, err)
		}
	}
}

// hostOfContainer: a container that shares the host's pid namespace sees the host's
// names through pid 1.
func hostOfContainer(t *testing.T) (m Mounts, inode uint32) {
	t.Helper()
	inode, err := inodeOf("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return fakeProc(t, map[string]string{
		"self/mountinfo": "",
		"self/ns/mnt":    "-> mnt:[2]",
		"1/ns/mnt":       "-> mnt:[1]",
		"1/mountinfo": mountLine(inode, "/run/netns/rw-blue") +
			mountLine(inode+1, "/run/netns/rw-covered") + mountLine(inode+2, "/run/netns/rw-gone"),
		"1/root/run/netns/12":   "-> /proc/self/ns/net",
		"1/root/run/netns/file": "left over",

		"1/root/run/netns/rw-blue":    "-> /proc/self/ns/net",
		"1/root/run/netns/rw-covered": "-> /proc/self/ns/net",
		"1/root/run/netns/a\x1b":      "",
	}), inode
}

func mountLine(inode uint32, path string) string {
	return fmt.Sprintf("30 22 0:4 net:[%d] %s rw shared:7 - nsfs nsfs rw\n", inode, path)
}

func TestHostNamesFromContainer(t *testing.T) {
	m, inode := hostOfContainer(t)
	got, err := m.All()
	want := []Namespace{{Inode: inode, Name: "rw-blue", Path: m.path("1/root/run/netns/rw-blue")}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %v\nwant %+v", got, err, want)
	}
	if names, err := m.Names(); err != nil || len(names) != 1 || names[inode] != "rw-blue" {
		t.Errorf("names %v, %v", names, err)
	}

	// In the host's own mount namespace there is nothing to gain by pid 1.
	if err := os.Remove(m.path("self/ns/mnt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mnt:[1]", m.path("self/ns/mnt")); err != nil {
		t.Fatal(err)
	}
	if got, err := m.All(); err != nil || len(got) != 0 {
		t.Errorf("= %+v, %v", got, err)
	}
}

// escapeMount writes a path as mountinfo has it (mangle() in fs/seq_file.c).
func escapeMount(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; strings.IndexByte(" \t\n\\#", c) >= 0 {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// FuzzParseMounts: a line has one mount at the most, no path stands twice, and one that
// the kernel writes, whatever its path, is found behind any others.
func FuzzParseMounts(f *testing.F) {
	for _, seed := range []string{
		"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n" + mountLine(4026532281, "/run/netns/blue"),
		"31 22 0:4 net:[4026532281] /run/a\\040b\\011\\012\\134\\043 rw - nsfs nsfs rw\n",
		"33 22 0:4 net:[4026532283] /run/x rw shared:7 master:3 - nsfs nsfs rw\n" +
			"34 33 0:4 net:[4026532284] /run/x rw - nsfs nsfs rw",
		"37 - nsfs \n", "38 22 0:4 net:[4026532287] /run/x\\04\\999 rw - nsfs nsfs rw",
	} {
		f.Add([]byte(seed), "/run/docker/netns/a b", uint32(4026532285))
	}
	f.Fuzz(func(t *testing.T, b []byte, path string, inode uint32) {
		got := parseMounts(b)
		if len(got) > bytes.Count(b, []byte(" - nsfs ")) {
			t.Errorf("parseMounts(%q) = %+v", b, got)
		}
		where := make(map[string]bool)
		for _, m := range got {
			if where[m.path] {
				t.Errorf("parseMounts(%q) has %q twice", b, m.path)
			}
			where[m.path] = true
		}
		more := append(bytes.Clone(b), "\n"+mountLine(inode, escapeMount(path))...)
		i := slices.IndexFunc(parseMounts(more), func(m nsMount) bool { return m.path == path })
		if i < 0 || parseMounts(more)[i].inode != inode {
			t.Errorf("parseMounts(%q) = %+v, without %q", more, parseMounts(more), path)
		}
		for _, ns := range merge(got) {
			if strings.Contains(ns.Name, "/") || ns.Name != "" && !strings.HasSuffix(ns.Path, "/"+ns.Name) {
				t.Errorf("%q calls %q %q", b, ns.Path, ns.Name)
			}
		}
	})
}
