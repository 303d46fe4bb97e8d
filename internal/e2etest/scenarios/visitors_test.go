package scenarios

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// visitors are clients that have each sent one request and wait for its answer.
type visitors struct {
	waiting []net.Conn
}

// outcome is what became of those who waited.
type outcome struct{ answered, reset, hung int }

const get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// queueUp brings visitors until n of them wait.
func queueUp(t *testing.T, ns *livetest.Namespace, to string, n int) *visitors {
	t.Helper()
	return queueUpWith(t, ns, to, n, get)
}

func queueUpWith(t *testing.T, ns *livetest.Namespace, to string, n int, request string) *visitors {
	t.Helper()
	v := &visitors{}
	for len(v.waiting) < n {
		var lot []net.Conn
		for range min(200, n-len(v.waiting)) {
			conn := visit(t, ns, to)
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			lot = append(lot, conn)
		}
		v.waiting = append(v.waiting, v.settle(t, ns, to, lot)...)
	}
	return v
}

// settle waits until whoever is well has answered, and gives those of a lot who
// wait on: as many as stand in the queues, of which
// one is empty unless there is no other.
func (v *visitors) settle(t *testing.T, ns *livetest.Namespace, to string, lot []net.Conn) (waiting []net.Conn) {
	t.Helper()
	same := 0
	livetest.Eventually(t, "those who are well have answered", func() bool {
		waiting = slices.DeleteFunc(slices.Clone(lot), func(c net.Conn) bool { return isAnswered(t, c) })
		queues := ns.Queues(netip.MustParseAddrPort(to))
		queued, empty := 0, len(queues) == 1
		for _, q := range queues {
			queued += q
			empty = empty || q == 0
		}
		if empty && queued == len(v.waiting)+len(waiting) {
			same++
		} else {
			same = 0
		}
		return same == 3
	})
	return waiting
}

// isAnswered looks whether there is something to read, and leaves it there.
func isAnswered(t *testing.T, c net.Conn) bool {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var peeked error
	if err := raw.Control(func(fd uintptr) {
		n, _, peeked = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	}); err != nil {
		t.Fatal(err)
	}
	if peeked != nil && !errors.Is(peeked, unix.EAGAIN) || peeked == nil && n == 0 {
		t.Fatalf("while they queue up: %d bytes, %v", n, peeked)
	}
	return n > 0
}

func visit(t *testing.T, ns *livetest.Namespace, to string) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	ns.Do(func() { conn, err = net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(to))) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// answerOf reads the answer to one request.
func answerOf(conn net.Conn, patience time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	b := make([]byte, 512)
	n, err := conn.Read(b)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(b[:n]), "HTTP/1.1 200 ") {
		return fmt.Errorf("answer %q", b[:n])
	}
	return nil
}

// leave lets these go, as clients do who have waited long enough.
func (v *visitors) leave(conns ...net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// outcome waits for all answers; the patience is far longer than any takes.
func (v *visitors) outcome(t *testing.T) outcome {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	var o outcome
	for _, conn := range v.waiting {
		all.Go(func() {
			err := answerOf(conn, 15*time.Second)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				o.answered++
			case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
				o.reset++
			case errors.Is(err, os.ErrDeadlineExceeded):
				o.hung++
			default:
				t.Errorf("a visitor: %v", err)
			}
		})
	}
	all.Wait()
	return o
}
