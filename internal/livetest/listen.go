package livetest

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Family is what a socket is bound to.
type Family int

// Dual is an IPv6 socket that also takes IPv4 connections.
const (
	V4 Family = iota
	V6
	Dual
)

// Listen are the options of a listening socket.
type Listen struct {
	Family      Family // V4 and V6 bind to loopback, Dual to ::
	Port        uint16 // 0: the kernel chooses
	MPTCP       bool
	Reuseport   bool
	Device      string // SO_BINDTODEVICE
	Backlog     int    // 0: 4096, the most that a new namespace allows
	DeferAccept int    // TCP_DEFER_ACCEPT, seconds
	FastOpen    int    // TCP_FASTOPEN, the most half-open ones
}

// Listener is a listening socket that nobody accepts from. It is a bare
// descriptor, unknown to the Go runtime's poller: nobody waits on it who was
// not told to.
type Listener struct {
	FD     int
	Addr   netip.AddrPort // as bound
	Inode  uint64         // tells the socket in the kernel side's samples, also of MPTCP
	Cookie uint64         // SO_COOKIE; of MPTCP not that of its TCP listener

	NetCookie uint64 // SO_NETNS_COOKIE

	t      testing.TB
	once   sync.Once
	server *Server
}

// Port is the port that it listens on.
func (l *Listener) Port() uint16 { return l.Addr.Port() }

// Dest is where clients of a family reach it on loopback.
func (l *Listener) Dest(f Family) netip.AddrPort { return netip.AddrPortFrom(loopback(f), l.Port()) }

// Listen makes a listening socket in the namespace.
func (ns *Namespace) Listen(o Listen) *Listener {
	ns.t.Helper()
	l := ns.Bind(o)
	if err := l.Listen(o.Backlog); err != nil {
		ns.t.Fatal(err)
	}
	return l
}

// Bind makes a socket that is bound and ready for Listen.
func (ns *Namespace) Bind(o Listen) *Listener {
	ns.t.Helper()
	l := ns.Unbound(o)
	if err := l.bind(o); err != nil {
		ns.t.Fatal(err)
	}
	return l
}

// Unbound makes a socket that Listen will bind to any address and a free port.
func (ns *Namespace) Unbound(o Listen) *Listener {
	ns.t.Helper()
	var fd int
	var err error
	ns.Do(func() { fd, err = newSocket(o.Family, o.MPTCP) })
	if err != nil {
		ns.t.Fatal(err)
	}
	l := &Listener{FD: fd, t: ns.t}
	ns.t.Cleanup(l.Close)
	return l
}

// Group makes n listeners on one port, a group of the kernel's.
func (ns *Namespace) Group(n int, o Listen) []*Listener {
	ns.t.Helper()
	o.Reuseport = true
	group := make([]*Listener, n)
	for i := range group {
		group[i] = ns.Listen(o)
		o.Port = group[i].Port()
	}
	return group
}

// Listen calls listen(2); a backlog of 0 means 4096.
func (l *Listener) Listen(backlog int) error {
	if backlog == 0 {
		backlog = 4096
	}
	if err := unix.Listen(l.FD, backlog); err != nil {
		return fmt.Errorf("listen on %s: %w", l.Addr, err)
	}
	// An unbound socket gets its port here.
	return l.identify()
}

// Queue is how many connections wait for accept(), as the kernel itself tells
// through TCP_INFO, where a listener has it in this field.
func (l *Listener) Queue() int {
	l.t.Helper()
	info, err := unix.GetsockoptTCPInfo(l.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		l.t.Fatalf("TCP_INFO of %s: %v", l.Addr, err)
	}
	return int(info.Unacked)
}

// AwaitQueue waits until as many wait in the queues of these: connect() returns before
// its last ACK has got through, and on a busy machine that takes a while.
func AwaitQueue(n int, ls ...*Listener) {
	t := ls[0].t
	t.Helper()
	Eventually(t, fmt.Sprintf("%d wait on %s", n, ls[0].Addr), func() bool {
		sum := 0
		for _, l := range ls {
			sum += l.Queue()
		}
		return sum == n
	})
}

// Shutdown ends the listening and keeps the socket.
func (l *Listener) Shutdown() {
	l.t.Helper()
	if err := unix.Shutdown(l.FD, unix.SHUT_RD); err != nil {
		l.t.Fatalf("shut down %s: %v", l.Addr, err)
	}
}

// Disconnect ends the listening as connect(2) to no address does.
func (l *Listener) Disconnect() {
	l.t.Helper()
	unspec := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT,
		uintptr(l.FD), uintptr(unsafe.Pointer(&unspec)), unix.SizeofSockaddrInet4)
	if errno != 0 {
		l.t.Fatalf("disconnect %s: %v", l.Addr, errno)
	}
}

// Close closes the descriptor; the end of the test does so too.
func (l *Listener) Close() {
	l.once.Do(func() {
		if l.server != nil {
			l.server.stop()
		}
		if err := unix.Close(l.FD); err != nil {
			l.t.Errorf("close the listener on %s: %v", l.Addr, err)
		}
	})
}

func (l *Listener) bind(o Listen) error {
	type option struct{ level, name, value int }
	options := []option{{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}}
	if o.Reuseport {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	if o.DeferAccept > 0 {
		options = append(options, option{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, o.DeferAccept})
	}
	if o.FastOpen > 0 {
		options = append(options, option{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, o.FastOpen})
	}
	if o.Family != V4 {
		only := 1
		if o.Family == Dual {
			only = 0
		}
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only})
	}
	for _, opt := range options {
		if err := unix.SetsockoptInt(l.FD, opt.level, opt.name, opt.value); err != nil {
			return fmt.Errorf("set socket option %d/%d: %w", opt.level, opt.name, err)
		}
	}
	if o.Device != "" {
		if err := unix.BindToDevice(l.FD, o.Device); err != nil {
			return fmt.Errorf("bind to device %s: %w", o.Device, err)
		}
	}
	addr := loopback(o.Family)
	if o.Family == Dual {
		addr = netip.IPv6Unspecified()
	}
	if err := unix.Bind(l.FD, sockaddr(netip.AddrPortFrom(addr, o.Port))); err != nil {
		return fmt.Errorf("bind to %s: %w", netip.AddrPortFrom(addr, o.Port), err)
	}
	return l.identify()
}

func (l *Listener) identify() error {
	bound, err := unix.Getsockname(l.FD)
	if err != nil {
		return fmt.Errorf("name of a socket: %w", err)
	}
	l.Addr = addrPort(bound)
	var st unix.Stat_t
	if err := unix.Fstat(l.FD, &st); err != nil {
		return fmt.Errorf("stat a socket: %w", err)
	}
	l.Inode = st.Ino
	if l.Cookie, err = unix.GetsockoptUint64(l.FD, unix.SOL_SOCKET, unix.SO_COOKIE); err != nil {
		return fmt.Errorf("cookie of a socket: %w", err)
	}
	if l.NetCookie, err = unix.GetsockoptUint64(l.FD, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE); err != nil {
		return fmt.Errorf("cookie of a socket's network namespace: %w", err)
	}
	return nil
}
