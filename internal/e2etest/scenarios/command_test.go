package scenarios

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asReusewatch makes the test binary be reusewatch, so that what is tried is
// the real command, and a VM needs no compiler.
const asReusewatch = "REUSEWATCH_TEST_BINARY"

func TestMain(m *testing.M) {
	if spec := os.Getenv(asSurrounded); spec != "" {
		fmt.Fprintln(os.Stderr, beSurrounded(spec))
		os.Exit(1)
	}
	if os.Getenv(asReusewatch) != "" {
		os.Exit(cli.Main(os.Args[1:], "devel"))
	}
	if spec := os.Getenv(asServer); spec != "" {
		fmt.Fprintln(os.Stderr, beServer(spec))
		os.Exit(1)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(sideBySide)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if left := movers(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "programs that move clients are left: %v\n", left)
		code = 1
	}
	os.Exit(code)
}

const sideBySide = 6

// beside lets a test that waits for most of its time run beside others. What loads a CPU, or
// sees all of the host, runs before them, alone, and so does each on an emulated CPU.
func beside(t *testing.T) {
	t.Helper()
	if !livetest.InVM() {
		t.Parallel()
	}
}

// command prepares `reusewatch args…`. What shows looks for itself unless it is
// told otherwise: the host's own daemon knows nothing of a test's settings.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	if len(args) > 0 && slices.Contains([]string{"list", "explain", "top"}, args[0]) && !slices.Contains(args, "--from") {
		args = append(slices.Clone(args), "--from", "kernel")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asReusewatch+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// output runs a command to its end.
func output(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return outputOf(t, command(t, args...))
}

// outputOf runs a prepared one.
func outputOf(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	runtime.LockOSThread() // it ends with the thread that starts it
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// write puts a file into a folder of the test that any user may enter.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
