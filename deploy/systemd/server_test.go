package systemd_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asServer makes the test binary be a server on port 80, which serves or hangs.
const asServer = "REUSEWATCH_TEST_SERVER"

func TestMain(m *testing.M) {
	if how := os.Getenv(asServer); how != "" {
		fmt.Fprintln(os.Stderr, beServer(how))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func port80() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:80") }

// beServer listens on a bare descriptor, which nobody waits on who does not accept.
func beServer(how string) error {
	how, mptcp := strings.CutSuffix(how, " mptcp")
	if how == "hang" { // in one thread: of a Go program, whose runtime never rests, nobody knows that it does
		if err := livetest.ForkAlone(); err != nil {
			return err
		}
	}
	protocol := unix.IPPROTO_TCP
	if mptcp {
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("set SO_REUSEPORT: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: port80().Addr().As4(), Port: int(port80().Port())}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(fd, 1024); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := unix.Write(1, []byte("listens\n")); err != nil {
		return fmt.Errorf("say so: %w", err)
	}
	for how == "hang" {
		if err := unix.Pause(); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("pause: %w", err)
		}
	}
	if path, is := strings.CutPrefix(how, "hang in "); is {
		return hangIn(path)
	}
	for {
		conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		_ = unix.Close(conn)
	}
}

// serve starts a server in the namespace, which ends with the test.
func serve(t *testing.T, ns *livetest.Namespace, how string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asServer+"="+how)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	ns.Do(func() { err = cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatalf("the server that is to %s: %v", how, err)
	}
	return cmd
}
