package livetest

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Dial says how a client connects.
type Dial struct {
	To       netip.AddrPort
	From     netip.AddrPort // a fixed source; the zero value lets the kernel choose
	MPTCP    bool
	Word     bool          // send one byte
	FastOpen bool          // with the SYN, once the server's cookie is known
	Echo     bool          // and wait until it comes back
	Patience time.Duration // 0: 15 s
}

// Conn is a client's connection.
type Conn struct {
	FD int

	t    testing.TB
	once sync.Once
}

// Dial connects, or fails the test.
func (ns *Namespace) Dial(d Dial) *Conn {
	ns.t.Helper()
	c, err := ns.TryDial(d)
	if err != nil {
		ns.t.Fatal(err)
	}
	return c
}

// TryDial connects.
func (ns *Namespace) TryDial(d Dial) (c *Conn, err error) {
	ns.Do(func() { c, err = d.dial(ns.t) })
	return c, err
}

// DialMany connects n times, one after the other, or fails the test.
func (ns *Namespace) DialMany(n int, d Dial) []*Conn {
	ns.t.Helper()
	all := make([]*Conn, n)
	var err error
	ns.Do(func() { // once for all: to change threads costs as much as to connect
		for i := range all {
			if all[i], err = d.dial(ns.t); err != nil {
				err = fmt.Errorf("after %d of %d connections: %w", i, n, err)
				return
			}
		}
	})
	if err != nil {
		ns.t.Fatal(err)
	}
	return all
}

// dial connects from the calling thread's namespace.
func (d *Dial) dial(t testing.TB) (*Conn, error) {
	family := V4
	if d.To.Addr().Is6() {
		family = V6
	}
	fd, err := newSocket(family, d.MPTCP)
	if err != nil {
		return nil, err
	}
	if err := d.connect(fd); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	c := &Conn{FD: fd, t: t}
	t.Cleanup(c.Close)
	return c, nil
}

// Close closes the connection; the end of the test does so too.
func (c *Conn) Close() { c.once.Do(func() { _ = unix.Close(c.FD) }) }

// Reset closes with a RST, so that its port is free at once.
func (c *Conn) Reset() {
	c.t.Helper()
	c.once.Do(func() {
		if err := reset(c.FD); err != nil {
			c.t.Fatal(err)
		}
	})
}

// Send sends one byte.
func (c *Conn) Send() {
	c.t.Helper()
	if _, err := unix.Write(c.FD, []byte("x")); err != nil {
		c.t.Fatalf("send a byte: %v", err)
	}
}

func (d *Dial) connect(fd int) error {
	limit := d.Patience
	if limit == 0 {
		limit = patience
	}
	if d.From.IsValid() {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return fmt.Errorf("set SO_REUSEADDR: %w", err)
		}
		if err := unix.Bind(fd, sockaddr(d.From)); err != nil {
			return fmt.Errorf("bind a client to %s: %w", d.From, err)
		}
	}
	sent, err := d.handshake(fd, limit)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", d.To, err)
	}
	if d.Word && !sent {
		if _, err := unix.Write(fd, []byte("x")); err != nil {
			return fmt.Errorf("send a byte to %s: %w", d.To, err)
		}
	}
	if !d.Echo {
		return nil
	}
	err = await(fd, unix.POLLIN, limit)
	if err == nil {
		var n int
		if n, err = unix.Read(fd, make([]byte, 1)); err == nil && n == 0 {
			err = errors.New("closed without an answer")
		}
	}
	if err != nil {
		return fmt.Errorf("wait for the answer of %s: %w", d.To, err)
	}
	return nil
}

// handshake connects, and says whether the word went with the SYN.
func (d *Dial) handshake(fd int, limit time.Duration) (sent bool, err error) {
	// A signal of the Go runtime would break off a connect that blocks.
	if err := unix.SetNonblock(fd, true); err != nil {
		return false, fmt.Errorf("set O_NONBLOCK: %w", err)
	}
	if d.FastOpen {
		err = unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, sockaddr(d.To))
		sent = err == nil
	} else {
		err = unix.Connect(fd, sockaddr(d.To))
	}
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return sent, err
	}
	if sent {
		return true, nil
	}
	if err := await(fd, unix.POLLOUT, limit); err != nil {
		return false, err
	}
	failed, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && failed != 0 {
		err = unix.Errno(failed)
	}
	return false, err
}

// Port is the client's own port.
func (c *Conn) Port() uint16 {
	c.t.Helper()
	sa, err := unix.Getsockname(c.FD)
	if err != nil {
		c.t.Fatalf("name of a connection: %v", err)
	}
	return addrPort(sa).Port()
}
