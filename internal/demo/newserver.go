package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// workTime is what the new server works for each request, one at a time as
	// small servers do: its queue is then seen to move in every tier.
	workTime = 8 * time.Millisecond
	// patience is how long it waits for a request on a connection.
	patience = 200 * time.Millisecond
)

// playNew is the healthy generation. It answers with its pid.
func playNew(ctx context.Context, out io.Writer) error {
	if err := setComm("demo-new"); err != nil {
		return err
	}
	l, err := listenShared(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := fmt.Fprintln(out, "listening"); err != nil {
		return fmt.Errorf("tell that it listens: %w", err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept on %s: %w", site(), err)
		}
		answer(c)
	}
}

// listenShared listens with SO_REUSEPORT, and in plain TCP: Go's own choice is MPTCP.
func listenShared(ctx context.Context) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err == nil && set != nil {
			err = fmt.Errorf("set SO_REUSEPORT: %w", set)
		}
		return err
	}}
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(ctx, "tcp4", site().String())
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", site(), err)
	}
	return l, nil
}

// answer serves one request. A client that sends none, or goes, is no error: a
// health check does just that.
func answer(c net.Conn) {
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return
	}
	if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
		return
	}
	time.Sleep(workTime)
	body := fmt.Sprintln(os.Getpid())
	_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}
