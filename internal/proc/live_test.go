package proc

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper starts a sleep that ends with the test.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "300")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endProcess(cmd) })
	return cmd
}

func endProcess(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	p, err := New("").Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	exe, _ := os.Executable()
	if p.PID != os.Getpid() || p.PPID != os.Getppid() || p.UID != uint32(os.Geteuid()) || p.Exe != exe ||
		!reflect.DeepEqual(p.Cmdline, os.Args) || p.TracerPID != 0 || p.KernelThread || p.NSPID == 0 {
		t.Errorf("%+v\nwant pid %d, parent %d, uid %d, exe %s, args %q",
			p, os.Getpid(), os.Getppid(), os.Geteuid(), exe, os.Args)
	}
	if !bytes.HasPrefix([]byte(filepath.Base(exe)), []byte(p.Comm)) || p.Comm == "" {
		t.Errorf("Comm = %q, want the start of %s", p.Comm, filepath.Base(exe))
	}
}

func TestChild(t *testing.T) {
	f := New("")
	before := time.Now()
	cmd := sleeper(t)
	pid := cmd.Process.Pid

	var p Process
	eventually(t, "sleep sleeps", func() bool {
		var err error
		if p, err = f.Process(pid); err != nil {
			t.Fatal(err)
		}
		return p.State == 'S' && p.Comm == "sleep"
	})
	if p.PPID != os.Getpid() || !reflect.DeepEqual(p.Cmdline, []string{"sleep", "300"}) || p.StartTicks == 0 {
		t.Errorf("%+v", p)
	}
	// Up to one second early, as documented, and a tick of rounding.
	if d := p.Started.Sub(before); d < -1100*time.Millisecond || d > 2*time.Second {
		t.Errorf("Started is %v after the start of the process", d)
	}
	if again, err := f.StartTicks(pid); err != nil || again != p.StartTicks {
		t.Errorf("StartTicks = %d, %v; want %d", again, err, p.StartTicks)
	}

	if err := cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped", func() bool { p, err := f.Process(pid); return err == nil && p.State == 'T' })

	ancestors, err := f.Ancestors(pid)
	if err != nil || len(ancestors) < 2 || ancestors[0] != os.Getpid() || ancestors[1] != os.Getppid() {
		t.Errorf("Ancestors = %v, %v; want %d, %d, …", ancestors, err, os.Getpid(), os.Getppid())
	}
	if slices.Contains(ancestors, pid) {
		t.Errorf("Ancestors = %v holds the process itself", ancestors)
	}
}

func TestGone(t *testing.T) {
	f := New("")
	cmd := sleeper(t)
	pid := cmd.Process.Pid
	path := f.pidPath(pid, "stat")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	endProcess(cmd)

	_, err = io.ReadAll(file)
	if !errors.Is(err, unix.ESRCH) {
		t.Errorf("reading an open file of a process that has gone: %v; the kernel used to say ESRCH", err)
	}
	err = ioError("read", path, err)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, unix.ESRCH) || err.Error() != "read "+path+": no such process" {
		t.Errorf("ioError = %v; want fs.ErrNotExist and ESRCH", err)
	}
	_, err1 := f.Process(pid)
	_, err2 := f.StartTicks(pid)
	_, err3 := f.Ancestors(pid)
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v, want fs.ErrNotExist", err)
		}
	}
}
