// Package bounded bounds the connections of an HTTP server. Whoever holds many open and
// asks nothing must neither take all descriptors of the process nor keep others from
// being answered. It imports nothing of ours.
package bounded

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// grace is how long a connection may be quiet whatever comes: whoever has just connected is
// about to ask.
const grace = 100 * time.Millisecond

// Serve serves as s.Serve does, with most connections at once. One too many takes the
// place of the one that has been quiet longest: that has sent no whole request, or none
// again. Where all are being answered it waits. Handler, ConnContext and ConnState of s are
// taken for that.
func Serve(s *http.Server, l net.Listener, most int) error {
	c := &crowd{Listener: l, most: most, quiet: list.New(), left: make(chan struct{}, 1), closed: make(chan struct{})}
	handler := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asking, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.asks(asking)
		}
		handler.ServeHTTP(w, r)
	})
	s.ConnContext = func(ctx context.Context, served net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, served)
	}
	s.ConnState = func(served net.Conn, state http.ConnState) {
		if idle, ok := served.(*conn); ok && state == http.StateIdle {
			c.answered(idle)
		}
	}
	return s.Serve(c)
}

// connKey finds the connection of a request.
type connKey struct{}

// crowd is a listener with its connections.
type crowd struct {
	net.Listener
	most   int
	left   chan struct{} // holds a token when one has gone, or is quiet
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	open  int
	quiet *list.List // of *conn, the one that has been quiet longest first
}

// conn is one connection.
type conn struct {
	net.Conn
	of *crowd
	// Of the crowd's lock.
	since time.Time     // it is quiet
	place *list.Element // among the quiet; nil: it is being answered, or has gone
	gone  bool
}

// Accept accepts one, and closes another where there are too many.
func (c *crowd) Accept() (net.Conn, error) {
	accepted, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for {
		came, ended, later := c.admit(accepted)
		if ended != nil {
			_ = ended.Conn.Close() // its server sees that it has gone
		}
		if came != nil {
			return came, nil
		}
		select {
		case <-c.left:
		case <-later:
		case <-c.closed:
			_ = accepted.Close() // nothing was said on it
			return nil, net.ErrClosed
		}
	}
}

// admit gives the connection a place, maybe that of another, or says when to try again.
func (c *crowd) admit(accepted net.Conn) (came, ended *conn, later <-chan time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= c.most {
		longest := c.quiet.Front()
		if longest == nil {
			return nil, nil, nil
		}
		ended = longest.Value.(*conn)
		if young := grace - time.Since(ended.since); young > 0 {
			return nil, nil, time.After(young)
		}
		ended.leave()
	}
	came = &conn{Conn: accepted, of: c}
	c.open++
	came.hush()
	return came, ended, nil
}

// Close ends Accept.
func (c *crowd) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// asks says that a connection is being answered.
func (c *crowd) asks(asking *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asking.place != nil {
		c.quiet.Remove(asking.place)
		asking.place = nil
	}
}

// answered says that the answer has been sent.
func (c *crowd) answered(idle *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !idle.gone && idle.place == nil {
		idle.hush()
	}
}

// hush puts it among the quiet; the lock is held.
func (c *conn) hush() {
	c.since, c.place = time.Now(), c.of.quiet.PushBack(c)
	c.of.changed()
}

// leave gives its place up; the lock is held.
func (c *conn) leave() {
	if c.gone {
		return
	}
	c.gone = true
	c.of.open--
	if c.place != nil {
		c.of.quiet.Remove(c.place)
		c.place = nil
	}
	c.of.changed()
}

// changed wakes who waits for a place.
func (c *crowd) changed() {
	select {
	case c.left <- struct{}{}:
	default:
	}
}

// Close closes it.
func (c *conn) Close() error {
	c.of.mu.Lock()
	c.leave()
	c.of.mu.Unlock()
	return c.Conn.Close()
}
