package benchtest

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// The servers of a group: one that listens and never accepts, one that echoes.
const (
	serverDeaf    = "deaf"
	serverHealthy = "healthy"
)

func web() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:8081") }

// serve starts a server in the namespace and waits until it listens.
func serve(b *testing.B, ns *livetest.Namespace, kind string) *exec.Cmd {
	b.Helper()
	cmd := self(b, asServer, kind)
	ready, err := cmd.StdoutPipe()
	must(b, err)
	spawn(b, ns, cmd)
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		b.Fatalf("a %s server: %v", kind, err)
	}
	return cmd
}

func beServer(kind string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(web().Port()), Addr: web().Addr().As4()})
	}
	if err == nil {
		err = unix.Listen(fd, 1024)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", web(), err)
	}
	if _, err := os.Stdout.WriteString("."); err != nil {
		return err
	}
	if kind == serverDeaf {
		return unix.Pause()
	}
	for {
		conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("accept on %s: %w", web(), err)
		}
		word := make([]byte, 1)
		if n, err := unix.Read(conn, word); err == nil && n == 1 {
			_, _ = unix.Write(conn, word) // its client may have gone
		}
		_ = unix.Close(conn)
	}
}
