package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// inNewNetns runs do on a thread in a network namespace of its own and returns
// its inode. The thread ends with it.
func inNewNetns(t *testing.T, do func() error) uint32 {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	var inode uint32
	err := onOtherThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		var err error
		if inode, err = netnsInode("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		return do()
	})
	if err != nil {
		t.Fatal(err)
	}
	return inode
}

func find(t *testing.T, inode uint32) (Netns, bool) {
	t.Helper()
	all, _, err := New("").NetNamespaces()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(all, func(a, b Netns) int { return int(int64(a.Inode) - int64(b.Inode)) }) {
		t.Errorf("not sorted: %+v", all)
	}
	i := slices.IndexFunc(all, func(ns Netns) bool { return ns.Inode == inode })
	if i < 0 {
		return Netns{}, false
	}
	if names, err := New("").NetnsNames(); err != nil || names[inode] != all[i].Name {
		t.Errorf("its name is %q, %v; among all it is %q", names[inode], err, all[i].Name)
	}
	return all[i], true
}

func TestNetnsOfProcessLive(t *testing.T) {
	f := New("")
	cmd := exec.Command("sleep", "300")
	inode := inNewNetns(t, cmd.Start)
	t.Cleanup(func() { end(cmd) })
	pid := strconv.Itoa(cmd.Process.Pid)

	want := Netns{Inode: inode, Path: "/proc/" + pid + "/ns/net"}
	if got, ok := find(t, inode); !ok || got != want {
		t.Errorf("= %+v, %v; want %+v", got, ok, want)
	}
	if opened, err := netnsInode(want.Path); err != nil || opened != inode {
		t.Errorf("%s is %d, %v; want %d", want.Path, opened, err, inode)
	}
	for _, spec := range []string{strconv.Itoa(int(inode)), "pid:" + pid, want.Path} {
		if got, err := f.ResolveNetns(spec); err != nil || got != want {
			t.Errorf("ResolveNetns(%q) = %+v, %v; want %+v", spec, got, err, want)
		}
	}
	end(cmd)
	eventually(t, "gone with its process", func() bool { _, ok := find(t, inode); return !ok })
}

func TestNetnsOfMountLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), `a b\c`)
	cover := filepath.Join(t.TempDir(), "cover")
	for _, file := range []string{path, cover} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inode := inNewNetns(t, func() error {
		return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
	})
	t.Cleanup(func() {
		for {
			if unix.Unmount(path, unix.MNT_DETACH) != nil {
				return
			}
		}
	})

	want := Netns{Inode: inode, Path: path}
	if got, ok := find(t, inode); !ok || got != want {
		t.Errorf("= %+v, %v; want %+v", got, ok, want)
	}
	if got, err := New("").ResolveNetns(path); err != nil || got != want {
		t.Errorf("ResolveNetns(%q) = %+v, %v; want %+v", path, got, err, want)
	}

	if err := unix.Mount(cover, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	// Covered, the path leads elsewhere. (The thread may take a moment to end.)
	eventually(t, "not found any more", func() bool { _, ok := find(t, inode); return !ok })
}

// Also without root, our own namespace is found, and what is hidden is told.
func TestOwnNetns(t *testing.T) {
	own, err := netnsInode("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	all, denied, err := New("").NetNamespaces()
	if err != nil || os.Geteuid() != 0 && !slices.Contains(denied, 1) {
		t.Errorf("as uid %d: denied %v, %v", os.Geteuid(), denied, err)
	}
	if !slices.ContainsFunc(all, func(ns Netns) bool { return ns.Inode == own }) {
		t.Errorf("our own %d is not in %+v", own, all)
	}
}
