package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
)

func TestFilesGolden(t *testing.T) {
	got, err := filesIn("testdata/proc/4711")
	if err != nil || got != (Files{Open: 4, Limit: 1024}) {
		t.Errorf("= %+v, %v", got, err)
	}
}

const limitsText = "Max open files            9      20    files     \n"

func TestFilesErrors(t *testing.T) {
	f := fakeProc(t, map[string]string{
		"10/stat": statLine, "10/limits": "",
		"11/stat": statLine,
		"12/stat": statLine, "12/limits": limitsText,
		"13/stat": statLine, "13/limits": limitsText, "13/fd/0": "",
	})
	for pid, want := range map[int]string{
		9:  "read " + f.path("9/limits") + ": no such file",
		10: "parse " + f.path("10/limits"),
		11: "read " + f.path("11/limits") + ": no such file",
		12: "open " + f.path("12/fd") + ": no such file",
	} {
		got, err := filesIn(f.pidPath(pid))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Files(%d) = %+v, %v; want %s…", pid, got, err, want)
		}
		if errors.Is(err, fs.ErrNotExist) != strings.Contains(want, "no such file") {
			t.Errorf("Files(%d): %v", pid, err)
		}
	}
	deny(t, f.path("13/fd"))
	unprivileged(t, func() {
		if got, err := filesIn(f.pidPath(13)); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("= %+v, %v; want fs.ErrPermission", got, err)
		}
	})
}

// Listed in more than one piece.
func TestCountManyFiles(t *testing.T) {
	dir := t.TempDir()
	const n = 4096 + 100
	for i := range n {
		if err := os.Symlink("x", fmt.Sprintf("%s/%d", dir, i)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := countFiles(dir); err != nil || got != n {
		t.Errorf("= %d, %v; want %d", got, err, n)
	}
}

func TestParseOpenFilesLimit(t *testing.T) {
	for in, want := range map[string]uint64{
		limitsText: 9,
		"Limit x\nMax open files            unlimited            unlimited            files": math.MaxUint64,
	} {
		if got, err := parseOpenFilesLimit([]byte(in)); err != nil || got != want {
			t.Errorf("parseOpenFilesLimit(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"": "no line", "Max open files\n": "no line", "Max open files  \n": "no value",
		"Max open files  x 1 files\n": "invalid syntax",
	} {
		if got, err := parseOpenFilesLimit([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseOpenFilesLimit(%q) = %d, %v; want an error with %q", in, got, err, want)
		}
	}
}

func TestAtLimit(t *testing.T) {
	for files, want := range map[Files]bool{
		{Open: 9, Limit: 10}:              false,
		{Open: 10, Limit: 10}:             true,
		{Open: 11, Limit: 10}:             true, // lowered since
		{Open: 0, Limit: 0}:               true,
		{Open: 1 << 20, Limit: 1<<64 - 1}: false,
	} {
		if got := files.AtLimit(); got != want {
			t.Errorf("%+v: AtLimit() = %v", files, got)
		}
	}
}

// FuzzParseOpenFilesLimit: what is refused gives nothing, and what the kernel writes of a
// limit is read.
func FuzzParseOpenFilesLimit(f *testing.F) {
	seedFiles(f, "limits")
	f.Add([]byte("Max open files            unlimited            unlimited            files     \n"))
	f.Add([]byte("Max open files \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseOpenFilesLimit(b)
		if err != nil {
			if n != 0 {
				t.Errorf("parseOpenFilesLimit(%q) = %d, and %v", b, n, err)
			}
			return
		}
		line := fmt.Appendf(nil, "%-25s %-20d %-20d %-10s\n", "Max open files", n, n, "files")
		if again, err := parseOpenFilesLimit(line); err != nil || again != n {
			t.Errorf("parseOpenFilesLimit(%q) = %d, and of %q %d, %v", b, n, line, again, err)
		}
	})
}
