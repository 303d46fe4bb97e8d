package benchtest

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// caller makes connections over loopback, both ends on one thread, so that the CPU
// time of that thread is all that a connection costs.
type caller struct {
	b  *testing.B
	ns *livetest.Namespace
	n  int // connections per measurement
	of cost
	// spread is over how many addresses of loopback they go, in turn: over many no port
	// is still in TIME_WAIT, and to one each costs the same.
	spread int
	calls  int
}

const callerPort = 8080

// perConnection makes a listener, connects and closes, and gives the nanoseconds
// per connection. The listener is a new one: whoever counts has seen its birth.
func (c *caller) perConnection() (ns float64) {
	c.ns.Do(func() {
		fd := c.listen(true)
		defer unix.Close(fd)
		for range c.n / 10 {
			c.connect(fd)
		}
		ns = c.of.each(c.b, c.n, func(int) { c.connect(fd) })
	})
	return ns
}

// listen listens on all addresses, alone or as a member of a SO_REUSEPORT group.
func (c *caller) listen(grouped bool) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(c.b, err)
	must(c.b, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	if grouped {
		must(c.b, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}
	must(c.b, unix.Bind(fd, &unix.SockaddrInet4{Port: callerPort}))
	must(c.b, unix.Listen(fd, 128))
	return fd
}

// connect is the life of one connection: handshake, accept, and both ends close.
func (c *caller) connect(listener int) {
	c.calls++
	i := c.calls % c.spread
	to := &unix.SockaddrInet4{Port: callerPort, Addr: [4]byte{127, 1, byte(i >> 8), byte(i)}}
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(c.b, err)
	must(c.b, retry(func() error { return unix.Connect(client, to) }))
	server := -1
	must(c.b, retry(func() (err error) {
		server, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
		return err
	}))
	must(c.b, unix.Close(client))
	must(c.b, unix.Close(server))
}

// retry calls anew what a signal of the Go runtime broke off.
func retry(call func() error) error {
	for {
		err := call()
		switch {
		case errors.Is(err, unix.EISCONN): // broken off, and connected meanwhile
			return nil
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EALREADY):
			return err
		}
	}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
