package livetest

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// alarm wakes sleepers at the end of a test.
type alarm struct{ fd int }

func newAlarm(t testing.TB) alarm {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatalf("make an eventfd: %v", err)
	}
	return alarm{fd}
}

func (a alarm) ring(t testing.TB) {
	if _, err := unix.Write(a.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Errorf("wake a sleeper: %v", err)
	}
}

// SleepInPoll makes a thread sleep in poll(2) for these events of a descriptor
// until the test ends.
func SleepInPoll(t testing.TB, fd int, events int16) {
	t.Helper()
	a := newAlarm(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			set := []unix.PollFd{{Fd: int32(fd), Events: events}, {Fd: int32(a.fd), Events: unix.POLLIN}}
			if _, err := unix.Poll(set, -1); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	t.Cleanup(func() {
		a.ring(t)
		<-done
		_ = unix.Close(a.fd)
	})
}

// EpollSet is an epoll set with one descriptor in it.
type EpollSet struct {
	t        testing.TB
	fd       int
	sleepers []chan struct{}
	alarm    alarm
}

// Epoll makes an epoll set that asks for these events of a descriptor. Nobody
// waits on it.
func Epoll(t testing.TB, fd int, events uint32) *EpollSet {
	t.Helper()
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatalf("make an epoll set: %v", err)
	}
	e := &EpollSet{t: t, fd: ep, alarm: newAlarm(t)}
	t.Cleanup(e.end)
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		t.Fatalf("add to an epoll set: %v", err)
	}
	return e
}

// Fetch takes the event that is there.
func (e *EpollSet) Fetch() {
	e.t.Helper()
	if n := e.wait(0); n != 1 {
		e.t.Fatalf("%d events in the epoll set, want 1", n)
	}
}

// Sleep makes n threads sleep in epoll_wait until the test ends.
func (e *EpollSet) Sleep(n int) {
	e.t.Helper()
	for range n {
		done := make(chan struct{})
		e.sleepers = append(e.sleepers, done)
		go func() {
			defer close(done)
			for {
				events := make([]unix.EpollEvent, 1)
				if _, err := unix.EpollWait(e.fd, events, -1); err != nil && !errors.Is(err, unix.EINTR) {
					e.t.Errorf("sleep in epoll_wait: %v", err)
					return
				}
				if int(events[0].Fd) == e.alarm.fd {
					return
				}
			}
		}()
	}
}

func (e *EpollSet) wait(timeout int) int {
	e.t.Helper()
	for {
		n, err := unix.EpollWait(e.fd, make([]unix.EpollEvent, 2), timeout)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			e.t.Fatalf("epoll_wait: %v", err)
		}
		return n
	}
}

func (e *EpollSet) end() {
	e.alarm.ring(e.t)
	// Only now: the alarm is no part of the set that a test made.
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(e.alarm.fd)}
	err := unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, e.alarm.fd, &event)
	if err != nil {
		e.t.Errorf("wake the sleepers of an epoll set: %v", err)
		return
	}
	for _, done := range e.sleepers {
		<-done
	}
	_ = unix.Close(e.fd)
	_ = unix.Close(e.alarm.fd)
}
