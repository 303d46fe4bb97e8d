package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// visitors are clients that have each sent one request and wait for its answer.
type visitors struct {
	waiting []net.Conn
	served  int // at once, by a member that is well
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
		time.Sleep(100 * time.Millisecond) // whoever is well answers much sooner
		for _, conn := range lot {
			if err := answerOf(conn, time.Millisecond); errors.Is(err, os.ErrDeadlineExceeded) {
				v.waiting = append(v.waiting, conn)
			} else if err != nil {
				t.Fatalf("while they queue up: %v", err)
			} else {
				v.served++
			}
		}
	}
	return v
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
