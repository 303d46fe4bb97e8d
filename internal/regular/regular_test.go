package regular

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(path("file"), []byte("x"), 0o600), unix.Mkfifo(path("fifo"), 0o600),
		os.Symlink(path("file"), path("link")),
		os.Symlink(path("none"), path("dangling")), os.Mkdir(path("folder"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"fifo", "link", "dangling", "folder"} {
		for _, flags := range []int{os.O_RDONLY, os.O_RDWR | os.O_CREATE} {
			if f, err := Open(path(name), flags); err == nil {
				f.Close()
				t.Errorf("%s was opened", name)
			} else if flags == os.O_RDONLY && !errors.Is(err, Err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := os.Lstat(path("none")); err == nil {
		t.Error("a file was made through a link")
	}
	f, err := Open(path("file"), os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestReplace: whatever lies in its way is not written to.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, precious := filepath.Join(dir, "acts.json"), filepath.Join(dir, "precious")
	err := errors.Join(os.WriteFile(precious, []byte("precious"), 0o600), os.Symlink(precious, path+".new"))
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"one", "two"} {
		if err := Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Errorf("%q, %v", b, err)
		}
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
		t.Errorf("behind the link there is %q now: %v", b, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
	if err := Replace(filepath.Join(dir, "none", "x"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
}

func TestOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		mode  os.FileMode
		owner int
		says  string
	}{
		"ours": {0o755, 0, ""}, "another's": {0o700, 65534, "belongs to uid 65534"},
		"everybody's": {0o777, 0, "others may write"}, "a group's": {0o770, 0, "others may write"},
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, c.mode), os.Chown(path, c.owner, c.owner)); err != nil {
			t.Fatal(err)
		}
		if err := Ours(path); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if err := Ours(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Ours(file); err == nil {
		t.Error("a file is taken for a folder")
	}
}
