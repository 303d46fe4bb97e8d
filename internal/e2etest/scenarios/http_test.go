package scenarios

import (
	"context"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// jammed is a listener whose Accept, after so many, waits for a channel for ever,
// as an accept loop does that waits for a place in a pool.
type jammed struct {
	net.Listener
	left   int
	jammed chan struct{}
}

func (j *jammed) Accept() (net.Conn, error) {
	if j.left == 0 {
		<-j.jammed
	}
	j.left--
	return j.Listener.Accept()
}

// http serves by Go's own server, behind the runtime's poller.
func (s *server) http() error {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if control := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}); control != nil {
			return control
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "tcp", s.Addr)
	if err != nil {
		return err
	}
	left := -1
	if s.Then != "" {
		left = s.Answers
	}
	go func() { // the rest of the program, without which the runtime sees that all is over
		for {
			time.Sleep(time.Minute)
		}
	}()
	return http.Serve(&jammed{l, left, make(chan struct{})}, http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
}
