package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// FuzzParsePasswd: a line has one name at the most, which is one, and the first of a user
// counts.
func FuzzParsePasswd(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nna\xffme:x:4294967295:0:"), uint32(0))
	f.Add([]byte("#root:x:0:0\n+nis:x:0:0\n-no:x:0:0\n:x:0:0\nbad:x:-1:0\nshort:x:0\n\n"), uint32(7))
	f.Fuzz(func(t *testing.T, b []byte, uid uint32) {
		names := parsePasswd(b)
		if len(names) > bytes.Count(b, []byte("\n"))+1 {
			t.Errorf("parsePasswd(%q) = %v", b, names)
		}
		for _, name := range names {
			if name == "" || strings.ContainsAny(name, ":\n") || strings.ContainsAny(name[:1], "#+-") {
				t.Errorf("parsePasswd(%q) has a name %q", b, name)
			}
		}
		want, known := names[uid]
		if !known {
			want = "last"
		}
		more := fmt.Appendf(bytes.Clone(b), "\nlast:x:%d:0::/:/bin/sh\n", uid)
		if got := parsePasswd(more)[uid]; got != want {
			t.Errorf("parsePasswd(%q) calls %d %q, want %q", more, uid, got, want)
		}
	})
}
