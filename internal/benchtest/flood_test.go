package benchtest

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// flood is SYNs from many addresses to listeners whose accept queues are full,
// each of which the kernel drops.
type flood struct {
	b       *testing.B
	ns      *livetest.Namespace
	n       int // SYNs per measurement
	members int // of the group that they meet; 1: no group
	of      cost
}

// perSYN makes a full group of listeners and gives the nanoseconds from sending
// a SYN to its being dropped.
func (f *flood) perSYN() float64 {
	took, dropped := f.send(packets(true))
	if dropped < f.n*9/10 {
		f.b.Fatalf("%d SYNs sent, %d of them met a full queue", f.n, dropped)
	}
	return took
}

// perDamaged is the same for SYNs that the kernel drops unread, for their checksum
// is wrong: what of it is the sending.
func (f *flood) perDamaged() float64 {
	took, dropped := f.send(packets(false))
	if dropped > f.n/10 { // the clients of fill send theirs again
		f.b.Fatalf("%d damaged SYNs of %d met a full queue", dropped, f.n)
	}
	return took
}

// send gives the nanoseconds per packet, and how many met a full queue.
func (f *flood) send(packets [][]byte) (took float64, dropped int) {
	c := caller{b: f.b, ns: f.ns}
	var raw int
	var fds []int
	f.ns.Do(func() {
		for range f.members {
			fds = append(fds, c.listen(f.members > 1))
		}
		fds = append(fds, f.fill(fds)...)
		var err error
		raw, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		must(f.b, err)
		fds = append(fds, raw)
	})
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	before := f.ns.Counter("TcpExt", "ListenOverflows")
	f.ns.Do(func() {
		to := &unix.SockaddrInet4{Addr: target()}
		took = f.of.each(f.b, f.n, func(i int) {
			must(f.b, retry(func() error { return unix.Sendto(raw, packets[i%len(packets)], 0, to) }))
		})
	})
	return took, f.ns.Counter("TcpExt", "ListenOverflows") - before
}

// fill connects until every queue is full: a further client waits in vain.
func (f *flood) fill(listeners []int) (clients []int) {
	for _, fd := range listeners {
		must(f.b, unix.Listen(fd, 1)) // holds one more than this
	}
	for range 40 * len(listeners) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		must(f.b, err)
		clients = append(clients, fd)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: callerPort, Addr: target()}); !errors.Is(err, unix.EINPROGRESS) {
			must(f.b, err)
		}
	}
	return clients
}

const (
	ipHeader   = 20
	tcpHeader  = 20
	checksumAt = 16
	many       = 4096
)

// target is where they go.
func target() [4]byte { return [4]byte{127, 0, 0, 1} }

// packets are SYNs from many addresses and ports.
func packets(intact bool) [][]byte {
	all := make([][]byte, many)
	for i := range all {
		p := make([]byte, ipHeader+tcpHeader)
		p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_TCP
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		from := [4]byte{127, 2, byte(i >> 8), byte(i)}
		copy(p[12:], from[:])
		to := target()
		copy(p[16:], to[:])
		tcp := p[ipHeader:]
		binary.BigEndian.PutUint16(tcp, uint16(1024+i*7))
		binary.BigEndian.PutUint16(tcp[2:], callerPort)
		binary.BigEndian.PutUint32(tcp[4:], uint32(i)*2654435761)
		tcp[12], tcp[13] = tcpHeader/4<<4, 0x02
		binary.BigEndian.PutUint16(tcp[14:], 65535)
		sum := checksum(p)
		if !intact {
			sum ^= 0x5555
		}
		binary.BigEndian.PutUint16(tcp[checksumAt:], sum)
		all[i] = p
	}
	return all
}

// checksum is what the TCP checksum of a packet must be.
func checksum(packet []byte) uint16 {
	sum := uint32(unix.IPPROTO_TCP + tcpHeader)
	add := func(b []byte) {
		for i := 0; i < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
	}
	tcp := packet[ipHeader:]
	add(packet[12:ipHeader])
	add(tcp[:checksumAt])
	add(tcp[checksumAt+2:])
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// BenchmarkSYNFlood is the CPU time of a SYN that meets a full queue, in the
// tracepoints tier with all listeners counted: no program of it runs then.
func BenchmarkSYNFlood(b *testing.B) {
	f := &flood{b: b, ns: livetest.Netns(b), n: 20000, members: 2}
	t := takeTurns(b, 15, side{"off", f.perSYN}, side{"counting", with(b, countingAll, f.perSYN)})
	t.median("off", "ns")
	t.ratio("counting", "off")
}
