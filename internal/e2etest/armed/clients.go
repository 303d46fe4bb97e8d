package armed

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Port is that of every scene, each in a namespace of its own.
const Port = 80

const (
	// HTTP is what clients of a web server say, httpKept what those do who stay.
	HTTP     = "GET / HTTP/1.0\r\n\r\n"
	httpKept = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
)

// Clients ask the port of a scene, each once, and wait for the answer as long as the cycle
// lasts: nobody gives up.
type Clients struct {
	ns     *livetest.Namespace
	word   string
	bursts bool
	// Lossy: the scene itself closes listeners, so that the kernel resets who waits there;
	// such a client asks again.
	Lossy atomic.Bool

	over context.Context // the cycle

	Asked, Answered, Again atomic.Int64

	mu     sync.Mutex
	failed []error
	wg     sync.WaitGroup
}

// NewClients are of a cycle; nobody asks after it.
func NewClients(t testing.TB, ns *livetest.Namespace, word string, bursts bool) *Clients {
	c := &Clients{ns: ns, word: word, bursts: bursts}
	ctx, end := context.WithCancel(context.Background())
	c.over = ctx
	t.Cleanup(func() {
		end()
		c.wg.Wait()
	})
	return c
}

// Come has clients come until the context ends.
func (c *Clients) Come(ctx context.Context) {
	c.wg.Go(func() {
		for i := 0; ; i++ {
			n, pause := 1, 60*time.Millisecond
			if c.bursts {
				n, pause = 24, time.Duration(3+i%3)*time.Second
			}
			for range n {
				c.One()
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	})
}

// One has one come.
func (c *Clients) One() {
	c.Asked.Add(1)
	c.wg.Go(c.ask)
}

// waiting is how many have no answer yet.
func (c *Clients) waiting() int64 { return c.Asked.Load() - c.Answered.Load() }

// AwaitAnswers waits until every client has its answer, or has had an error.
func (c *Clients) AwaitAnswers(t testing.TB) {
	t.Helper()
	for began := time.Now(); c.waiting() > 0 && time.Since(began) < LongEnough; time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		failed := slices.Clone(c.failed)
		c.mu.Unlock()
		if len(failed) > 0 && int64(len(failed)) == c.waiting() {
			t.Errorf("LOST: %d of %d clients, the first: %v", len(failed), c.Asked.Load(), failed[0])
			return
		}
	}
	if n := c.waiting(); n > 0 {
		t.Errorf("LOST: %d of %d clients have no answer", n, c.Asked.Load())
	}
	if c.Asked.Load() == 0 {
		t.Error("no client came")
	}
}

func (c *Clients) ask() {
	for {
		err := c.once()
		switch {
		case c.over.Err() != nil:
			return
		case err == nil:
			c.Answered.Add(1)
			return
		case c.Lossy.Load() && retried(err):
			c.Again.Add(1)
			time.Sleep(50 * time.Millisecond)
		default:
			c.mu.Lock()
			c.failed = append(c.failed, err)
			c.mu.Unlock()
			return
		}
	}
}

// retried: the server did not take the request.
func retried(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF)
}

func (c *Clients) once() error {
	conn, err := c.ns.Connect(Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(c.over, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.WriteString(c.word); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

// Keep holds connections open that were answered, and asks for new ones where a member
// closes them, until they are let go.
func (c *Clients) Keep(n int) (letGo func()) {
	ctx, cancel := context.WithCancel(c.over)
	var held sync.WaitGroup
	for range n {
		c.wg.Add(1)
		held.Go(func() {
			defer c.wg.Done()
			for ctx.Err() == nil {
				c.held(ctx)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return func() {
		cancel()
		held.Wait()
	}
}

// held is one connection, until its server closes it or the context ends.
func (c *Clients) held(ctx context.Context) {
	conn, err := c.ns.Connect(Port)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	word := c.word
	if word == HTTP {
		word = httpKept
	}
	if _, err := conn.WriteString(word); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}
