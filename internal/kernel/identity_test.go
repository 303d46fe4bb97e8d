package kernel_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asHost is set, to a user's number, for the child that becomes that user and starts
// another in a user namespace of its own.
const asHost = "REUSEWATCH_TEST_HOST_OF_A_GUEST"

// beHost prints the pid of the guest, and ends with its parent.
func beHost(user string) error {
	uid, err := strconv.Atoi(user)
	if err == nil {
		err = syscall.Setuid(uid)
	}
	if err != nil {
		return err
	}
	guest := exec.Command("sleep", "300")
	guest.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	if err := guest.Start(); err != nil {
		return err
	}
	fmt.Println(guest.Process.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it
	err = guest.Process.Kill()
	_ = guest.Wait()
	return err
}

// testGuests: a guest has the uid that owns its user namespace, in the initial one.
func testGuests(t *testing.T, f *field) {
	k := f.kernels[0]
	if p := processOf(t, k, os.Getpid()); p.Guest.IsKnown() {
		t.Errorf("we live in the initial user namespace and are the guest of %v", p.Guest)
	}
	inner := func(c *exec.Cmd) {
		mapped := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 70000, Size: 10}}
		c.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
		c.SysProcAttr.UidMappings, c.SysProcAttr.GidMappings = mapped, mapped
		c.SysProcAttr.Credential = &syscall.Credential{NoSetGroups: true}
	}
	unknown := listener.Maybe[uint32]{}
	for _, c := range []struct {
		name        string
		prepare     func(*exec.Cmd)
		user        string
		host, guest listener.Maybe[uint32]
	}{
		{"of nobody", nil, "65534", unknown, listener.Known(uint32(65534))},
		{"of root", nil, "0", unknown, listener.Known(uint32(0))},
		{
			"of user 5 of a namespace whose users begin at 70000", inner, "5",
			listener.Known(uint32(0)), listener.Known(uint32(70005)),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			stop, stopped, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stop.Close()
			defer stopped.Close()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			host := child(t, func(cmd *exec.Cmd) {
				cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = append(os.Environ(), asHost+"="+c.user), stop, w, os.Stderr
				if c.prepare != nil {
					c.prepare(cmd)
				}
			}, "/proc/self/exe")
			w.Close()
			line, err := bufio.NewReader(r).ReadString('\n')
			if err != nil {
				t.Fatalf("no guest: %v", err)
			}
			guest, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			// The host's death would leave the guest behind.
			t.Cleanup(func() { _ = unix.Kill(guest, unix.SIGKILL) })
			if p := processOf(t, k, host); p.Guest != c.host {
				t.Errorf("its host is the guest of %v, want %v", p.Guest, c.host)
			}
			p := processOf(t, k, guest)
			if p.Guest != c.guest {
				t.Errorf("it is the guest of %v, want %v", p.Guest, c.guest)
			}
			if ns := linkOf(guest, "ns", "user"); ns != fmt.Sprintf("user:[%d]", p.UserNS) {
				t.Errorf("it lives in %d, /proc says %s", p.UserNS, ns)
			}
		})
	}
}

// fileOf gives the file of a path by stat().
func fileOf(t *testing.T, path string) listener.File {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return listener.File{Dev: uint32(st.Dev), Inode: st.Ino}
}

// testRunning: two copies of one program are two files, and a deleted file stays the same one.
func testRunning(t *testing.T, f *field) {
	k := f.kernels[0]
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]listener.File{sleep: fileOf(t, sleep)}
	for range 2 {
		path := filepath.Join(t.TempDir(), "sleep")
		if err := os.WriteFile(path, program, 0o755); err != nil {
			t.Fatal(err)
		}
		files[path] = fileOf(t, path)
	}
	seen := make(map[listener.File]bool)
	for path, want := range files {
		pid := child(t, nil, path, "300")
		// Start may return while the child is still about to execute it.
		livetest.Eventually(t, "it has executed its program", func() bool { return !processOf(t, k, pid).NeverExec })
		if got := processOf(t, k, pid).Running; got != want {
			t.Errorf("%s runs file %+v, stat says %+v", path, got, want)
		}
		if path != sleep {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if got := processOf(t, k, pid).Running; got != want {
				t.Errorf("%s has been deleted and is file %+v, want %+v", path, got, want)
			}
		}
		seen[want] = true
	}
	if len(seen) != len(files) {
		t.Errorf("%d files of %d: this test has lost its point", len(seen), len(files))
	}

	all, err := k.Processes(listener.Ask{All: true})
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for pid, p := range all {
		exe := filepath.Join("/proc", strconv.Itoa(pid), "exe")
		var fs unix.Statfs_t
		var st unix.Stat_t
		unreadable := unix.Statfs(exe, &fs) != nil || fs.Type == unix.OVERLAYFS_SUPER_MAGIC || unix.Stat(exe, &st) != nil
		if unreadable || of(pid, "stat") == "" {
			if p.Kernel && p.Running != (listener.File{}) {
				t.Errorf("thread %d of the kernel's runs %+v", pid, p.Running)
			}
			continue // it ended, has no file, or numbers its files as no file system does
		}
		now := processOf(t, k, pid)
		if now == nil || now.Execs != p.Execs || now.Start != p.Start {
			continue
		}
		compared++
		if want := (listener.File{Dev: uint32(st.Dev), Inode: st.Ino}); p.Running != want {
			t.Errorf("process %d (%s) runs %+v, stat says %+v", pid, p.Comm, p.Running, want)
		}
	}
	if compared == 0 {
		t.Error("no process could be compared")
	}
}
