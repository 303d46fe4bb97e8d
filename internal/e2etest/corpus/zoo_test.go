package corpus

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// program is the zoo. It is linked statically: a VM has no C library, and no compiler,
// so scripts/vm-matrix packs it there.
func program(t *testing.T) string {
	t.Helper()
	if livetest.InVM() {
		path, err := exec.LookPath("zoo")
		if err != nil {
			t.Fatalf("%v: scripts/vm-matrix packs it", err)
		}
		return path
	}
	sources, err := filepath.Glob("testdata/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources of the zoo: %v", err)
	}
	path := filepath.Join(t.TempDir(), "zoo")
	cc := exec.Command("gcc", append([]string{"-static", "-O1", "-Wall", "-Wno-unused-result", "-Werror", "-pthread", "-o", path}, sources...)...)
	if out, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("compile the zoo (scripts/setup test installs what it takes): %v\n%s", err, bytes.TrimSpace(out))
	}
	return path
}
