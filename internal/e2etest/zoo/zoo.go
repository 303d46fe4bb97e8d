// Package zoo is a program of small servers in C, each mode a kind of its own, for tests
// that need a server whose every system call is known. testdata/zoo.h says how a mode is
// written.
package zoo

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

//go:embed testdata
var sources embed.FS

// Program compiles the zoo into a folder of the test's and gives its path. It is linked
// statically: a VM has no C library, and no compiler, so scripts/vm-matrix packs it there.
func Program(t testing.TB) string {
	t.Helper()
	if livetest.InVM() {
		path, err := exec.LookPath("zoo")
		if err != nil {
			t.Fatalf("%v: scripts/vm-matrix packs it", err)
		}
		return path
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources); err != nil {
		t.Fatalf("write the sources of the zoo: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "testdata", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources of the zoo: %v", err)
	}
	path := filepath.Join(dir, "zoo")
	flags := []string{"-static", "-O1", "-Wall", "-Wno-unused-result", "-Werror", "-pthread", "-o", path}
	cc := exec.Command("gcc", append(flags, files...)...)
	if out, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("compile the zoo (scripts/setup test installs what it takes): %v\n%s", err, bytes.TrimSpace(out))
	}
	return path
}

// Copy is the same program at another path, in another file.
func Copy(t testing.TB, program, path string) string {
	t.Helper()
	b, err := os.ReadFile(program)
	// A child that is forked meanwhile, and has not executed yet, would have the file open
	// for writing: nobody could execute it (ETXTBSY).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err == nil {
		err = os.WriteFile(path, b, 0o755)
	}
	if err != nil {
		t.Fatalf("copy the zoo: %v", err)
	}
	return path
}

// Family has all processes of a program's group end with the test, also if its process
// ends in whatever way: workers would outlive their master. The program was started as the
// leader of the group (Setpgid).
func Family(t testing.TB, program string, p *livetest.Program) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	guard := exec.Command(program, "guard", "0", "p", "fresh", strconv.Itoa(p.PID()))
	guard.ExtraFiles = []*os.File{r}
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = guard.Start()
	_ = r.Close()
	if err != nil {
		_ = w.Close()
		t.Fatalf("guard %s: %v", strings.Join(p.Args, " "), err)
	}
	t.Cleanup(func() { // before its leader is waited for, so that the group is still its own
		_ = w.Close()
		_ = guard.Wait()
	})
}
