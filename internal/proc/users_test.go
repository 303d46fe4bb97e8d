package proc

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	write := func(contents string, mtime time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, mtime, mtime); err != nil {
			t.Fatal(err)
		}
	}
	u := NewUsers(path)
	expect := func(uid uint32, want string) {
		t.Helper()
		if got := u.Name(uid); got != want {
			t.Errorf("Name(%d) = %q, want %q", uid, got, want)
		}
	}
	expect(0, "") // no file

	then := time.Unix(1700000000, 0)
	write("#root:x:0:0\n+nis:x:0:0\n-no:x:0:0\n:x:0:0\nbad:x:zero:0\nbad:x:-1:0\nbad:x:4294967296:0\nshort:x:0\n\n"+
		"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nna\xffme:x:4294967295:0:", then)
	expect(0, "root")
	expect(4294967295, "na\xffme")
	expect(1, "")

	write("boss:x:0:0:root:/root:/bin/sh\n", then.Add(time.Second))
	expect(0, "boss")
	expect(4294967295, "")

	write("lady:x:0:0:root:/root:/bin/sh\n", then.Add(2*time.Second)) // the same size
	expect(0, "lady")
	write("boss:x:0:0:root:/root:/bin/sh\n", then.Add(time.Second))
	expect(0, "boss")

	write("alexander:x:0:0:root:/root:/bin/sh\n", then.Add(time.Second)) // the same mtime
	expect(0, "alexander")
	write("boss:x:0:0:root:/root:/bin/sh\n", then.Add(time.Second))
	expect(0, "boss")

	// The same size, the same mtime, another file.
	write("jane:x:0:0:root:/root:/bin/sh\n", then.Add(time.Second))
	expect(0, "boss") // cannot be seen, and shows that the file is not read each time
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	expect(0, "")
	write("mary:x:0:0:root:/root:/bin/sh\n", then.Add(time.Second))
	expect(0, "mary")
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	expect(0, "jane")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // can be seen, not read
		t.Fatal(err)
	}
	expect(0, "")
}

func TestUsersOfThisHost(t *testing.T) {
	if got := NewUsers("").Name(0); got != "root" {
		t.Errorf("Name(0) = %q", got)
	}
}
