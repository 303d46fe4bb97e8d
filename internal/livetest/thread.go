package livetest

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Thread is a thread of its own, other than the main one. Whatever it does to
// itself, such as unshare(2), ends with it.
type Thread struct {
	t     testing.TB
	calls chan call
	dead  chan struct{} // closed when the thread has gone
}

type call struct {
	fn   func()
	done chan struct{}
}

// NewThread starts a thread that lasts as long as the test.
func NewThread(t testing.TB) *Thread {
	th := &Thread{t: t, calls: make(chan call), dead: make(chan struct{})}
	go offMainThread(th.live)
	t.Cleanup(func() {
		close(th.calls)
		<-th.dead
	})
	return th
}

// Do runs fn on the thread, one call at a time, from any goroutine.
func (th *Thread) Do(fn func()) {
	th.t.Helper()
	c := call{fn, make(chan struct{})}
	select {
	case th.calls <- c:
	case <-th.dead:
		th.t.Fatal("the thread has gone")
	}
	<-c.done
}

func (th *Thread) live() {
	defer close(th.dead)
	for c := range th.calls {
		func() {
			defer close(c.done) // also where fn ends the goroutine
			c.fn()
		}()
	}
}

// offMainThread runs fn on a locked thread other than the main one: the runtime
// never ends the main thread, it would be parked with what fn made of it for
// ever, and the whole process would look so.
func offMainThread(fn func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		fn() // not unlocked: the thread ends with its goroutine
		return
	}
	elsewhere := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(elsewhere)
		fn()
	}()
	<-elsewhere // the main thread is ours till now, so it got another
	runtime.UnlockOSThread()
}
