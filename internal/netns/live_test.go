package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onOtherThread runs do on a thread that ends with it.
func onOtherThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			result <- onOtherThread(do) // the main thread never ends: we keep it busy meanwhile
			runtime.UnlockOSThread()
			return
		}
		result <- do() // never unlocked
	}()
	return <-result
}

// inNew runs do on a thread in a network namespace of its own and returns its inode.
// The thread ends with it.
func inNew(t *testing.T, do func() error) uint32 {
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
		if inode, err = AtPath("/proc/thread-self/ns/net").Number(); err != nil {
			return err
		}
		return do()
	})
	if err != nil {
		t.Fatal(err)
	}
	return inode
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// inside is the inode that a thread finds itself in.
func inside(n Namespace) (inode uint32, err error) {
	err = n.Do(func() error {
		inode, err = AtPath("/proc/thread-self/ns/net").Number()
		return err
	})
	return inode, err
}

func TestOfProcessLive(t *testing.T) {
	m := NewMounts("")
	cmd := exec.Command("sleep", "300")
	inode := inNew(t, cmd.Start)
	end := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(end)
	pid := cmd.Process.Pid
	for _, n := range []Namespace{OfProcess(pid), {Inode: inode, PID: pid}, {Inode: inode, PID: pid, TID: pid}} {
		if got, err := inside(n); err != nil || got != inode {
			t.Errorf("inside %+v is %d, %v; want %d", n, got, err, inode)
		}
		f, err := n.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := inside(OfFile(f)); err != nil || got != inode {
			t.Errorf("inside its file is %d, %v; want %d", got, err, inode)
		}
		f.Close()
	}
	id := strconv.Itoa(pid)
	for _, spec := range []string{strconv.Itoa(int(inode)), "pid:" + id, "/proc/" + id + "/ns/net"} {
		got, f, err := m.Resolve(spec)
		if err != nil || got.Inode != inode {
			t.Errorf("Resolve(%q) = %+v, %v; want %d", spec, got, err, inode)
			continue
		}
		if opened, err := OfFile(f).Number(); err != nil || opened != inode {
			t.Errorf("Resolve(%q) opened %d, %v; want %d", spec, opened, err, inode)
		}
		f.Close()
	}
	end()
	if err := OfProcess(pid).Do(func() error { return nil }); !errors.Is(err, unix.ESRCH) {
		t.Errorf("of one that has gone: %v", err)
	}
	if _, _, err := m.Resolve("pid:" + strconv.Itoa(pid)); err == nil || !strings.Contains(err.Error(), "no process ") {
		t.Errorf("of one that has gone: %v", err)
	}
	eventually(t, "gone with its process", func() bool {
		_, f, err := m.Resolve(strconv.Itoa(int(inode)))
		if err == nil {
			f.Close()
		}
		return err != nil
	})
}

// A thread of a process may be elsewhere than its leader.
func TestOfThreadLive(t *testing.T) {
	entered, leave := make(chan int), make(chan bool)
	t.Cleanup(func() { close(leave) })
	go func() {
		inNew(t, func() error {
			entered <- unix.Gettid()
			<-leave
			return nil
		})
	}()
	tid := <-entered
	n := Namespace{PID: os.Getpid(), TID: tid}
	got, err := inside(n)
	if err != nil || got == 0 {
		t.Fatalf("inside %+v is %d, %v", n, got, err)
	}
	own, err := Own().Number()
	if err != nil || got == own {
		t.Errorf("inside %+v is %d, which is ours: %v", n, got, err)
	}
}

func TestOfMountLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), `a b\c`)
	cover := filepath.Join(t.TempDir(), "cover")
	for _, file := range []string{path, cover} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inode := inNew(t, func() error {
		return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
	})
	t.Cleanup(func() {
		for {
			if unix.Unmount(path, unix.MNT_DETACH) != nil {
				return
			}
		}
	})
	find := func() (Namespace, bool) {
		all, err := NewMounts("").All()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(all, func(a, b Namespace) int { return int(int64(a.Inode) - int64(b.Inode)) }) {
			t.Errorf("not sorted: %+v", all)
		}
		i := slices.IndexFunc(all, func(ns Namespace) bool { return ns.Inode == inode })
		if i < 0 {
			return Namespace{}, false
		}
		return all[i], true
	}
	want := Namespace{Inode: inode, Path: path}
	if got, ok := find(); !ok || got != want {
		t.Errorf("= %+v, %v; want %+v", got, ok, want)
	}
	if got, err := inside(want); err != nil || got != inode {
		t.Errorf("inside is %d, %v; want %d", got, err, inode)
	}
	if got, f, err := NewMounts("").Resolve(path); err != nil || got != want {
		t.Errorf("Resolve(%q) = %+v, %v; want %+v", path, got, err, want)
	} else {
		f.Close()
	}
	if err := unix.Mount(cover, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	// Covered, the path leads elsewhere.
	eventually(t, "not found any more", func() bool { _, ok := find(); return !ok })
	if err := AtPath("/does/not/exist").Do(func() error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a path that has gone: %v", err)
	}
}

// Whoever may look into a process and not enter its namespace can name it: that takes
// no CAP_SYS_ADMIN.
func TestNamedWithoutEnteringLive(t *testing.T) {
	cmd := exec.Command("sleep", "300")
	inode := inNew(t, cmd.Start)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	self := exec.Command("/proc/self/exe", "-test.run", "^TestNamedByChild$")
	self.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", asked, cmd.Process.Pid, inode))
	self.SysProcAttr = &syscall.SysProcAttr{
		AmbientCaps: []uintptr{unix.CAP_SYS_PTRACE},
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
	}
	if out, err := self.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// asked is set for the child of TestNamedWithoutEnteringLive.
const asked = "REUSEWATCH_TEST_NAMED"

func TestNamedByChild(t *testing.T) {
	var pid int
	var inode uint32
	if n, _ := fmt.Sscan(os.Getenv(asked), &pid, &inode); n != 2 {
		t.Skip("it is the other test's child")
	}
	if err := OfProcess(pid).Do(func() error { return nil }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("entered: %v", err)
	}
	for _, spec := range []string{fmt.Sprintf("pid:%d", pid), fmt.Sprint(inode)} {
		ns, f, err := NewMounts("").Resolve(spec)
		if err != nil || ns.Inode != inode {
			t.Errorf("Resolve(%q) = %+v, %v; want %d", spec, ns, err, inode)
			continue
		}
		f.Close()
	}
}

// Also without a right to enter others, our own is entered.
func TestOwnLive(t *testing.T) {
	own, err := Own().Number()
	if err != nil {
		t.Fatal(err)
	}
	err = onOtherThread(func() error {
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			return err
		}
		if got, err := inside(Own()); err != nil || got != own {
			t.Errorf("inside our own is %d, %v; want %d", got, err, own)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
