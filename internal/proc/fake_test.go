package proc

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// fakeProc makes a /proc of its own from files (path → contents, a value that
// starts with "-> " being a link).
func fakeProc(t *testing.T, files map[string]string) FS {
	t.Helper()
	f := New(t.TempDir())
	for name, contents := range files {
		path := f.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(contents) > 3 && contents[:3] == "-> " {
			err = os.Symlink(contents[3:], path)
		} else {
			err = os.WriteFile(path, []byte(contents), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// duringRead puts a FIFO in the place of a file of f: the reader who opens it
// waits until change has run, and then reads contents.
func duringRead(t *testing.T, path, contents string, change func()) {
	t.Helper()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		change()
		if _, err := w.WriteString(contents); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { <-done })
}

// put replaces a file in one step.
func put(t *testing.T, path, contents string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(contents), 0o600); err != nil {
		t.Error(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Error(err)
	}
}

// deny closes a file or directory to everybody without privileges.
func deny(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o700) }) // or it cannot be removed
}

// unprivileged runs do without any capability, also for root.
func unprivileged(t *testing.T, do func()) {
	t.Helper()
	err := onOtherThread(func() error {
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			return err
		}
		do()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onOtherThread runs do on a thread that ends with it. It must not be the main
// one: the runtime never ends that, and /proc/PID is what that one is in.
func onOtherThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			result <- onOtherThread(do) // we keep the main thread busy meanwhile
			runtime.UnlockOSThread()
			return
		}
		result <- do() // never unlocked
	}()
	return <-result
}
