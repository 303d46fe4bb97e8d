package livetest

import (
	"net"
	"testing"
)

// FreeAddress is one on the host's loopback that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free address: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}
