package scenarios

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/cli"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

func TestWithoutPrivilege(t *testing.T) {
	beside(t)
	livetest.Root(t)
	all := make([]int, unix.CAP_LAST_CAP+1)
	for i := range all {
		all[i] = i
	}
	for _, verb := range []string{"list", "run", "doctor"} {
		_, stderr, code := outputIn(t, without(all...), verb)
		if code != cli.ExitCannotObserve {
			t.Errorf("%s: exit code %d, want %d", verb, code, cli.ExitCannotObserve)
		}
		told := strings.Contains(stderr, "CAP_BPF") && strings.Contains(stderr, "run it as root")
		if !told || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s says %q: want the capability and the way out in one line", verb, stderr)
		}
	}
}

// TestReaderGoneIsNoError: `reusewatch list | head -1`.
func TestReaderGoneIsNoError(t *testing.T) {
	beside(t)
	livetest.Root(t)
	cmd := command(t, "list", "-o", "json")
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("says %q", stderr.String())
	}
}
