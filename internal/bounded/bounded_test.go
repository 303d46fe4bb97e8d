package bounded

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// served is a server with this bound; what is asked as /wait is answered when told.
func served(t *testing.T, most int) (dial func() net.Conn, waiting, answer chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	waiting, answer = make(chan struct{}), make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			waiting <- struct{}{}
			select {
			case <-answer:
			case <-r.Context().Done():
			}
		}
		fmt.Fprint(w, "answered")
	})}
	ended := make(chan error, 1)
	go func() { ended <- Serve(s, l, most) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	dial = func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	return dial, waiting, answer
}

func ask(t *testing.T, c net.Conn, path string) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
}

// answered reads one answer.
func answered(t *testing.T, c net.Conn) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "answered" {
		t.Errorf("%q, %v", b, err)
	}
}

func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v: want a connection that has ended", err)
	}
}

// TestQuiet: whoever only holds connections keeps nobody from being answered, and ends
// none that is.
func TestQuiet(t *testing.T) {
	dial, waiting, answer := served(t, 4)
	busy := dial()
	ask(t, busy, "/wait")
	<-waiting
	half := dial()
	if _, err := fmt.Fprint(half, "GET / HT"); err != nil {
		t.Fatal(err)
	}
	idle := dial()
	ask(t, idle, "/")
	answered(t, idle)
	mute := make([]net.Conn, 20)
	for i := range mute {
		mute[i] = dial()
	}
	late := dial()
	ask(t, late, "/")
	answered(t, late)
	ended(t, half)
	ended(t, idle)
	for _, c := range mute[:len(mute)-3] {
		ended(t, c)
	}
	close(answer)
	answered(t, busy)
}

// TestAllAsk: where all are being answered one more waits until one has been.
func TestAllAsk(t *testing.T) {
	dial, waiting, answer := served(t, 2)
	asking := []net.Conn{dial(), dial()}
	for _, c := range asking {
		ask(t, c, "/wait")
		<-waiting
	}
	last := dial()
	ask(t, last, "/wait")
	select {
	case <-waiting:
		t.Fatal("three at once")
	case <-time.After(3 * grace):
	}
	answer <- struct{}{}
	<-waiting
	close(answer)
	answered(t, last)
}

// TestEndWhileFull: a server ends although one waits for a place.
func TestEndWhileFull(t *testing.T) {
	dial, waiting, _ := served(t, 1)
	ask(t, dial(), "/wait")
	<-waiting
	dial()
}
