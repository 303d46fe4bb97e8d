package chaos

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// port is that of every scene, each in a namespace of its own.
const port = 80

// clients ask the port of a scene, each once, and wait for the answer as long as the cycle
// lasts: nobody gives up.
type clients struct {
	ns     *livetest.Namespace
	word   string
	bursts bool
	// lossy: the scene itself closes listeners, so that the kernel resets who waits there;
	// such a client asks again.
	lossy atomic.Bool

	over context.Context // the cycle

	asked, answered, again atomic.Int64

	mu     sync.Mutex
	failed []error
	wg     sync.WaitGroup
}

// newClients are of a cycle; nobody asks after it.
func newClients(t testing.TB, ns *livetest.Namespace, word string, bursts bool) *clients {
	c := &clients{ns: ns, word: word, bursts: bursts}
	ctx, end := context.WithCancel(context.Background())
	c.over = ctx
	t.Cleanup(func() {
		end()
		c.wg.Wait()
	})
	return c
}

// come has clients come until the context ends.
func (c *clients) come(ctx context.Context) {
	c.wg.Go(func() {
		for i := 0; ; i++ {
			n, pause := 1, 60*time.Millisecond
			if c.bursts {
				n, pause = 24, time.Duration(3+i%3)*time.Second
			}
			for range n {
				c.asked.Add(1)
				c.wg.Go(c.ask)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	})
}

// waiting is how many have no answer yet.
func (c *clients) waiting() int64 { return c.asked.Load() - c.answered.Load() }

func (c *clients) ask() {
	for {
		err := c.once()
		switch {
		case c.over.Err() != nil:
			return
		case err == nil:
			c.answered.Add(1)
			return
		case c.lossy.Load() && retried(err):
			c.again.Add(1)
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
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF)
}

func (c *clients) once() error {
	conn, err := c.ns.Connect(port)
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

// keep holds connections open that were answered, and asks for new ones where a member
// closes them, until they are let go.
func (c *clients) keep(n int) (letGo func()) {
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
func (c *clients) held(ctx context.Context) {
	conn, err := c.ns.Connect(port)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	word := c.word
	if word == http {
		word = httpKept
	}
	if _, err := conn.WriteString(word); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}
