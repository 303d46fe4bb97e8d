package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestResolve(t *testing.T) {
	m, inode := hostOfContainer(t)
	blue := m.path("1/root/run/netns/rw-blue")
	for spec, want := range map[string]Namespace{
		fmt.Sprint(inode):         {Inode: inode, Name: "rw-blue", Path: blue},
		"/proc/self/ns/net":       {Inode: inode, Name: "rw-blue", Path: "/proc/self/ns/net"},
		"rw-blue":                 {Inode: inode, Name: "rw-blue", Path: blue},
		"rw-covered":              {Inode: inode, Name: "rw-covered", Path: m.path("1/root/run/netns/rw-covered")},
		"/proc/self/ns/../ns/net": {Inode: inode, Name: "rw-blue", Path: "/proc/self/ns/../ns/net"},
	} {
		got, f, err := m.Resolve(spec)
		if err != nil || got != want {
			t.Errorf("Resolve(%q) = %+v, %v\nwant %+v", spec, got, err, want)
			continue
		}
		if opened, err := OfFile(f).Number(); err != nil || opened != inode {
			t.Errorf("Resolve(%q) opened %d, %v; want %d", spec, opened, err, inode)
		}
		f.Close()
	}
}

func TestResolveErrors(t *testing.T) {
	m, _ := hostOfContainer(t)
	fifo := m.path("fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"":                   "give an inode, a name under /run/netns, a path, or pid:N",
		"no\nfoo":            `no /run/netns/no\x0afoo; known: `,
		"..":                 "is no namespace",
		"file":               "is no namespace (a leftover",
		"6":                  "has that inode; `lsns -t net` lists them", // or that pid 1 may not be looked into
		"99999999999999":     "no process or mount has that inode",
		"12":                 "digits are an inode; the name 12 is written " + m.path("1/root/run/netns/12"),
		"pid:":               "want pid:N",
		"pid:-1":             "want pid:N",
		"pid:x":              "want pid:N",
		"pid:2147483647":     "no process 2147483647: ",
		"/does/not/exist":    `stat "/does/not/exist": no such file`,
		"/etc/passwd":        "is no namespace",
		"/proc/self/ns/mnt":  "is a namespace of another kind",
		"/proc/self/ns/user": "is a namespace of another kind",
		fifo:                 "is no namespace", // and does not block
	} {
		got, f, err := m.Resolve(spec)
		prefix := fmt.Sprintf("unknown network namespace %q: ", spec)
		if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), want) ||
			got != (Namespace{}) || f != nil {
			t.Errorf("Resolve(%q) = %+v, %v; want %s…%s", spec, got, err, prefix, want)
		}
	}
	_, _, err := m.Resolve("foo")
	// The test's host may have names of its own between them.
	for _, want := range []string{
		"12, ", `a\x1b, `, "file, ", "rw-blue, ", "rw-covered", "; an inode, a path or pid:N will do too",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant known names with %s", err, want)
		}
	}
	for i := range 2 * maxKnown {
		if err := os.WriteFile(m.path("1/root/run/netns", fmt.Sprintf("0x%02d", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err = m.Resolve("foo"); !strings.Contains(err.Error(), ", 0x09 and ") {
		t.Errorf("%v\nwant a list cut short", err)
	}
	empty := fakeProc(t, map[string]string{"self/mountinfo": ""})
	if _, _, err = empty.Resolve("foo"); len(empty.names()) == 0 && !strings.Contains(err.Error(), "known: none;") {
		t.Errorf("%v\nwant known: none", err)
	}
	if _, _, err = NewMounts("/does/not/exist").Resolve("6"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v\nwant why nothing is in sight", err)
	}
}
