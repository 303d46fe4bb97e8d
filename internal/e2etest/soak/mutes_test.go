package soak

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mutes are those who ask and never read. The daemon ends them, and they come again.
type mutes struct {
	mu      sync.Mutex
	ended   map[string]int           // by what they asked for
	longest map[string]time.Duration // that one was there
}

// come asks for a path again and again until the context ends.
func (m *mutes) come(ctx context.Context, t *testing.T, socket, path string) {
	for ctx.Err() == nil {
		began := time.Now()
		ended, err := mute(ctx, socket, path)
		switch {
		case err != nil && ctx.Err() == nil:
			t.Errorf("ask for %s and read nothing: %v", path, err)
			return
		case ended:
			m.note(path, time.Since(began))
		default: // it was refused
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (m *mutes) note(path string, lasted time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == nil {
		m.ended, m.longest = map[string]int{}, map[string]time.Duration{}
	}
	m.ended[path]++
	m.longest[path] = max(m.longest[path], lasted)
}

// mute is one; ended: it was answered, and the daemon had enough of it.
func mute(ctx context.Context, socket, path string) (ended bool, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: reusewatch\r\n\r\n")); err != nil {
		return false, err
	}
	if err := hungUp(ctx, conn.(*net.UnixConn)); err != nil {
		return false, err
	}
	status := make([]byte, len("HTTP/1.1 200"))
	_, err = conn.Read(status)
	return strings.HasSuffix(string(status), "200"), err
}

// hungUp waits until the other side has closed, and reads nothing.
func hungUp(ctx context.Context, conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	for gone := false; !gone && err == nil; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		err = raw.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			_, _ = unix.Poll(fds, 0)
			gone = fds[0].Revents != 0
		})
	}
	return err
}
