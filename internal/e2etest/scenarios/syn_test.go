package scenarios

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// syn sends one SYN from an address of our choice: an IPv4 and a TCP header by
// hand (RFC 791, RFC 9293).
func syn(t *testing.T, raw int, from netip.Addr, to netip.AddrPort) {
	t.Helper()
	const ipLen, tcpLen = 20, 20
	b := make([]byte, ipLen+tcpLen)
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_TCP
	binary.BigEndian.PutUint16(b[2:], ipLen+tcpLen)
	src, dst := from.As4(), to.Addr().As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])

	tcp := b[ipLen:]
	binary.BigEndian.PutUint16(tcp[0:], 40000)
	binary.BigEndian.PutUint16(tcp[2:], to.Port())
	tcp[12], tcp[13] = tcpLen/4<<4, 0x02 // SYN
	binary.BigEndian.PutUint16(tcp[14:], 65535)
	pseudo := append(append([]byte{}, b[12:20]...), 0, unix.IPPROTO_TCP, 0, tcpLen)
	binary.BigEndian.PutUint16(tcp[16:], checksum(append(pseudo, tcp...)))

	if err := unix.Sendto(raw, b, 0, &unix.SockaddrInet4{Addr: dst}); err != nil {
		t.Errorf("send a SYN from %s: %v", from, err)
	}
}

func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
