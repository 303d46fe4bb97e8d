package cri

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestNobodyAnswers: without a runtime, with one that hangs, and with something
// else behind the socket, a question ends in an error and in time. What a real
// containerd answers is tried in internal/fleettest.
func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	for name, serve := range map[string]func(net.Conn){
		"nobody":    nil,
		"hangs":     func(net.Conn) {},
		"goes away": func(c net.Conn) { _ = c.Close() },
		"no gRPC":   func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if serve != nil {
				l, err := net.Listen("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				go func() {
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						serve(c)
					}
				}()
			}
			c, err := New("unix://" + path)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if got, err := c.Container(ctx, "3f2a"); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestBadSocket(t *testing.T) {
	for _, path := range []string{"", "containerd.sock", "tcp://127.0.0.1:1", "unix://"} {
		if _, err := New(path); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
}
