package benchtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// perHolder is how many listeners one process holds: a large one of its kind, and
// well below the usual limit of descriptors.
const perHolder = 1000

// hold makes idle listeners in a namespace, held by as few processes as can be.
// They end with the benchmark.
func hold(b *testing.B, ns *livetest.Namespace, listeners int) {
	b.Helper()
	for first := 0; first < listeners; first += perHolder {
		cmd := self(b, asHolder, fmt.Sprintf("%d %d", first, min(perHolder, listeners-first)))
		ready, err := cmd.StdoutPipe()
		must(b, err)
		spawn(b, ns, cmd)
		if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
			b.Fatalf("a process of %d listeners: %v", perHolder, err)
		}
	}
}

// self is this binary as another process.
func self(b *testing.B, as, spec string) *exec.Cmd {
	b.Helper()
	path, err := os.Executable()
	must(b, err)
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), as+"="+spec)
	cmd.Stderr = os.Stderr
	return cmd
}

// spawn starts a process inside a namespace; it ends with the benchmark, at the latest.
func spawn(b *testing.B, ns *livetest.Namespace, cmd *exec.Cmd) {
	b.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	ns.Do(func() { err = cmd.Start() }) // its thread lives as long as the benchmark
	must(b, err)
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// beHolder listens on so many ports, from the first on, and waits to be killed.
func beHolder(spec string) error {
	var first, n int
	if _, err := fmt.Sscan(spec, &first, &n); err != nil {
		return fmt.Errorf("%q is no first and number: %w", spec, err)
	}
	for i := first; i < first+n; i++ {
		if _, err := listen(i); err != nil {
			return err
		}
	}
	if _, err := os.Stdout.WriteString("."); err != nil {
		return err
	}
	return unix.Pause()
}

// listen makes the i-th listener of many, each on an address and port of its own.
func listen(i int) (int, error) {
	const ports = 60000
	at := &unix.SockaddrInet4{Port: 2000 + i%ports, Addr: [4]byte{127, 0, 0, byte(1 + i/ports)}}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make a socket: %w", err)
	}
	if err = unix.Bind(fd, at); err == nil {
		err = unix.Listen(fd, 128)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("listen on port %d: %w", at.Port, err)
	}
	return fd, nil
}
