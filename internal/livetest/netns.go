package livetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/netns"
)

// Namespace is a network namespace that a test made, with lo up. Its thread
// stays in it: sockets that Do makes belong to it wherever they are used.
type Namespace struct {
	*Thread
	Path  string // can be opened for as long as the test runs
	Inode uint32
}

// Only has a kernel side look in these network namespaces and in no others.
func Only(in ...*Namespace) func([]netns.Namespace) ([]netns.Namespace, error) {
	return func([]netns.Namespace) ([]netns.Namespace, error) {
		var all []netns.Namespace
		for _, ns := range in {
			all = append(all, netns.Namespace{Inode: ns.Inode, Path: ns.Path})
		}
		return all, nil
	}
}

// Netns makes a network namespace that lasts as long as the test.
func Netns(t testing.TB) *Namespace {
	t.Helper()
	Root(t)
	ns := &Namespace{Thread: NewThread(t)}
	var file *os.File
	var err error
	ns.Do(func() { file, err = enterNew() })
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() { _ = file.Close() })
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		t.Fatalf("stat a network namespace: %v", err)
	}
	ns.Path, ns.Inode = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()), uint32(st.Ino)
	return ns
}

// enterNew moves the calling thread into a new network namespace.
func enterNew() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("unshare: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return nil, err
	}
	return os.Open("/proc/thread-self/ns/net")
}

// Sysctl writes a setting of the namespace, such as "net.ipv4.tcp_syncookies".
func (ns *Namespace) Sysctl(name, value string) {
	ns.t.Helper()
	if !strings.HasPrefix(name, "net.") {
		ns.t.Fatalf("sysctl %s is not of the network namespace", name)
	}
	path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
	var err error
	ns.Do(func() { err = os.WriteFile(path, []byte(value), 0) })
	if err != nil {
		ns.t.Fatalf("set %s: %v", name, err)
	}
}

// ReadSysctl reads a setting of the namespace.
func (ns *Namespace) ReadSysctl(name string) string {
	ns.t.Helper()
	var b []byte
	var err error
	ns.Do(func() { b, err = os.ReadFile(filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))) })
	if err != nil {
		ns.t.Fatalf("read %s: %v", name, err)
	}
	return strings.TrimSpace(string(b))
}

// Run runs a program inside the namespace to its end.
func (ns *Namespace) Run(name string, args ...string) {
	ns.t.Helper()
	cmd := exec.Command(name, args...)
	var out []byte
	var err error
	ns.Do(func() { out, err = cmd.CombinedOutput() })
	if err != nil {
		ns.t.Fatalf("%s: %v: %s", cmd, err, out)
	}
}

// loopbackUp brings lo up in the calling thread's namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("name lo: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return fmt.Errorf("read the flags of lo: %w", err)
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}
