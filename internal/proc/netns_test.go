package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestParseNetnsMounts(t *testing.T) {
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
	if got := parseNetnsMounts([]byte(in)); !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v\nwant %+v", got, want)
	}
	if got := unescapeMount(`a\04`); got != `a\04` {
		t.Errorf("cut escape = %q", got)
	}
}

func TestParseNetnsLink(t *testing.T) {
	if got, ok := parseNetnsLink("net:[4026531840]"); got != 4026531840 || !ok {
		t.Errorf("= %d, %v", got, ok)
	}
	for _, in := range []string{"", "net:[1", "net:1]", "mnt:[1]", "net:[]", "net:[-1]", "net:[4294967296]", "/x"} {
		if got, ok := parseNetnsLink(in); ok {
			t.Errorf("parseNetnsLink(%q) = %d", in, got)
		}
	}
}

func TestMergeNetns(t *testing.T) {
	got := mergeNetns(
		map[uint32]string{9: "/proc/9/ns/net", 3: "/proc/3/ns/net", 5: "/proc/5/ns/net"},
		[]nsMount{
			{5, "/run/docker/netns/five"}, {5, "/proc/1/root/run/netns/host5"}, {5, "/run/netns/later"},
			{7, "/run/netns/seven"}, {7, "/run/docker/netns/seven"},
			{3, "/run/netns/sub/three"}, {3, "/srv/run/netns/three"},
		})
	want := []Netns{
		{3, "", "/run/netns/sub/three"},
		{5, "host5", "/proc/1/root/run/netns/host5"},
		{7, "seven", "/run/netns/seven"},
		{9, "", "/proc/9/ns/net"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v\nwant %+v", got, want)
	}
}

func TestNetNamespacesGolden(t *testing.T) {
	got, denied, err := New("testdata/proc").NetNamespaces()
	want := []Netns{
		{4026531840, "", "testdata/proc/1/ns/net"},
		{4026532281, "", "testdata/proc/4711/ns/net"},
		{4026532999, "", "testdata/proc/4800/task/4801/ns/net"}, // the leader has ended
	}
	if err != nil || denied != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %v, %v\nwant %+v", got, denied, err, want)
	}
}

func TestNetNamespacesErrors(t *testing.T) {
	for want, f := range map[string]FS{
		"open /does/not/exist: no such file": New("/does/not/exist"),
		"self/mountinfo: no such file":       fakeProc(t, map[string]string{"1/ns/net": "-> net:[1]"}),
		"list /dev/null: not a directory":    New("/dev/null"),
	} {
		got, _, err := f.NetNamespaces()
		if err == nil || !strings.HasPrefix(err.Error(), "find network namespaces: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: = %+v, %v; want an error with %q", f.Root(), got, err, want)
		}
	}
	f := fakeProc(t, map[string]string{"self/mountinfo": "", "5/ns/net": "-> nonsense", "x/ns/net": "-> net:[6]", "-7/ns/net": "-> net:[7]"})
	if got, _, err := f.NetNamespaces(); err != nil || len(got) != 0 {
		t.Errorf("nonsense: = %+v, %v", got, err)
	}
}

// A container that shares the host's pid namespace sees the host's names
// through pid 1.
func hostOfContainer(t *testing.T) (f FS, inode uint32) {
	t.Helper()
	inode, err := netnsInode("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return fakeProc(t, map[string]string{
		"self/mountinfo":        "",
		"self/ns/mnt":           "-> mnt:[2]",
		"1/ns/mnt":              "-> mnt:[1]",
		"1/ns/net":              fmt.Sprintf("-> net:[%d]", inode),
		"1/mountinfo":           mountLine(inode, "/run/netns/rw-blue") + mountLine(inode+1, "/run/netns/rw-covered") + mountLine(inode+2, "/run/netns/rw-gone"),
		"1/root/run/netns/12":   "-> /proc/self/ns/net",
		"7/ns/net":              "-> net:[5]",
		"8/stat":                "",
		"9/ns/net":              "-> nonsense",
		"4/ns/net":              "-> net:[4]",
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
	f, inode := hostOfContainer(t)
	got, _, err := f.NetNamespaces()
	want := []Netns{
		{4, "", f.path("4/ns/net")},
		{5, "", f.path("7/ns/net")},
		{inode, "rw-blue", f.path("1/root/run/netns/rw-blue")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %v\nwant %+v", got, err, want)
	}

	// In the host's own mount namespace there is nothing to gain by pid 1.
	if err := os.Remove(f.path("self/ns/mnt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mnt:[1]", f.path("self/ns/mnt")); err != nil {
		t.Fatal(err)
	}
	want[2] = Netns{inode, "", f.path("1/ns/net")}
	if got, _, err := f.NetNamespaces(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("= %+v, %v\nwant %+v", got, err, want)
	}
}

func TestNetnsDenied(t *testing.T) {
	f := fakeProc(t, map[string]string{"self/mountinfo": "", "5/ns/net": "-> net:[50]", "6/ns/net": "-> net:[60]", "12/ns/net": "-> net:[60]"})
	deny(t, f.path("6/ns"))
	deny(t, f.path("12/ns"))
	unprivileged(t, func() {
		found, denied, err := f.NetNamespaces()
		want := []Netns{{50, "", f.path("5/ns/net")}}
		if err != nil || !reflect.DeepEqual(found, want) || !reflect.DeepEqual(denied, []int{6, 12}) {
			t.Errorf("= %+v, %v, %v; want %+v and 6 and 12 denied", found, denied, err, want)
		}
		for spec, want := range map[string]string{
			"60":    "2 processes, pid 6 first, may not be looked into",
			"pid:6": "not allowed to look into process 6 (it takes CAP_SYS_PTRACE)",
		} {
			ns, err := f.ResolveNetns(spec)
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), want) {
				t.Errorf("ResolveNetns(%q) = %+v, %v; want fs.ErrPermission and %q", spec, ns, err, want)
			}
		}
	})
}

// Two thousand processes in a hundred namespaces.
func BenchmarkNetNamespaces(b *testing.B) {
	f := New(b.TempDir())
	for pid := 1; pid <= 2000; pid++ {
		if err := os.MkdirAll(f.pidPath(pid, "ns"), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.Symlink(fmt.Sprintf("net:[%d]", pid%100), f.pidPath(pid, "ns", "net")); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.MkdirAll(f.path("self"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(f.path("self", "mountinfo"), nil, 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if all, _, err := f.NetNamespaces(); err != nil || len(all) != 100 {
			b.Fatal(len(all), err)
		}
	}
}
