package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestResolveNetns(t *testing.T) {
	f, inode := hostOfContainer(t)
	blue := f.path("1/root/run/netns/rw-blue")
	for spec, want := range map[string]Netns{
		"5":                       {5, "", f.path("7/ns/net")},
		fmt.Sprint(inode):         {inode, "rw-blue", blue},
		"pid:7":                   {5, "", f.path("7/ns/net")},
		"pid:1":                   {inode, "rw-blue", f.path("1/ns/net")},
		"/proc/self/ns/net":       {inode, "rw-blue", "/proc/self/ns/net"},
		"rw-blue":                 {inode, "rw-blue", blue},
		"rw-covered":              {inode, "rw-covered", f.path("1/root/run/netns/rw-covered")},
		"/proc/self/ns/../ns/net": {inode, "rw-blue", "/proc/self/ns/../ns/net"},
	} {
		if got, err := f.ResolveNetns(spec); err != nil || got != want {
			t.Errorf("ResolveNetns(%q) = %+v, %v\nwant %+v", spec, got, err, want)
		}
	}
}

func TestResolveNetnsErrors(t *testing.T) {
	f, _ := hostOfContainer(t)
	fifo := f.path("fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"":                   "give an inode, a name under /run/netns, a path, or pid:N",
		"no\nfoo":            `no /run/netns/no\x0afoo; known: `,
		"..":                 "is no namespace",
		"file":               "is no namespace (a leftover",
		"6":                  "no process or mount has that inode; `lsns -t net` lists them",
		"99999999999999":     "no process or mount has that inode",
		"12":                 "digits are an inode; the name 12 is written " + f.path("1/root/run/netns/12"),
		"pid:":               "want pid:N",
		"pid:-1":             "want pid:N",
		"pid:x":              "want pid:N",
		"pid:8":              "no process 8: readlink " + f.path("8/ns/net"),
		"pid:9":              `"nonsense" is no network namespace`,
		"pid:99":             "no process 99: ",
		"/does/not/exist":    `stat "/does/not/exist": no such file`,
		"/etc/passwd":        "is no namespace",
		"/proc/self/ns/mnt":  "is a namespace of another kind",
		"/proc/self/ns/user": "is a namespace of another kind",
		fifo:                 "is no namespace", // and does not block
	} {
		got, err := f.ResolveNetns(spec)
		prefix := fmt.Sprintf("unknown network namespace %q: ", spec)
		if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), want) || got != (Netns{}) {
			t.Errorf("ResolveNetns(%q) = %+v, %v; want %s…%s", spec, got, err, prefix, want)
		}
	}
	_, err := f.ResolveNetns("foo")
	// The test's host may have names of its own between them.
	for _, want := range []string{"12, ", `a\x1b, `, "file, ", "rw-blue, ", "rw-covered", "; an inode, a path or pid:N will do too"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant known names with %s", err, want)
		}
	}
	for i := range 2 * maxKnown {
		put(t, f.path("1/root/run/netns", fmt.Sprintf("0x%02d", i)), "")
	}
	if _, err = f.ResolveNetns("foo"); !strings.Contains(err.Error(), ", 0x09 and ") {
		t.Errorf("%v\nwant a list cut short", err)
	}
	empty := fakeProc(t, map[string]string{"self/mountinfo": ""})
	if _, err = empty.ResolveNetns("foo"); len(empty.netnsNames()) == 0 && !strings.Contains(err.Error(), "known: none;") {
		t.Errorf("%v\nwant known: none", err)
	}
	if _, err = New("/does/not/exist").ResolveNetns("6"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), ": find network namespaces: open /does/not/exist") {
		t.Errorf("%v\nwant why nothing is in sight", err)
	}
}
