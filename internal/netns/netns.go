// Package netns enters network namespaces, for what only a thread inside can do.
package netns

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs fn on a thread that has entered the network namespace at path, a file
// such as /proc/PID/ns/net. A thread that cannot come back dies with its
// goroutine.
func Do(path string, fn func() error) error {
	errs := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		errs <- away(path, fn)
	}()
	return <-errs
}

// away leaves the thread locked, and so to die, unless it has come home.
func away(path string, fn func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer home.Close()
	err = enter(home, path, fn)
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}

func enter(home *os.File, path string, fn func() error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer f.Close()
	if same(home, f) {
		return fn() // to enter even this one takes CAP_SYS_ADMIN
	}
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", path, err)
	}
	return fn()
}

func same(a, b *os.File) bool {
	one, err := a.Stat()
	if err != nil {
		return false
	}
	other, err := b.Stat()
	return err == nil && os.SameFile(one, other)
}
