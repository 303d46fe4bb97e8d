package proc

import (
	"bytes"
	"os"
	"strconv"
)

// Users names uids by a passwd(5) file. It asks no other source of users, such
// as LDAP. Not safe for concurrent use.
type Users struct {
	path  string
	read  os.FileInfo // of the file that names is from
	names map[uint32]string
}

// NewUsers returns a Users that reads passwdPath; "" means /etc/passwd. Nothing
// is read before the first question.
func NewUsers(passwdPath string) *Users {
	if passwdPath == "" {
		passwdPath = "/etc/passwd"
	}
	return &Users{path: passwdPath}
}

// Name is the name of uid, any bytes, or "" when the file has none or cannot be
// read. A file that has changed is read again.
func (u *Users) Name(uid uint32) string {
	info, err := os.Stat(u.path)
	if err != nil {
		u.names = nil
		return ""
	}
	if u.names == nil || changed(u.read, info) {
		b, err := os.ReadFile(u.path)
		if err != nil {
			u.names = nil
			return ""
		}
		u.names, u.read = parsePasswd(b), info
	}
	return u.names[uid]
}

// changed also sees a file that another was renamed over within one tick of the
// clock, as useradd(8) does.
func changed(old, now os.FileInfo) bool {
	return !os.SameFile(old, now) || !old.ModTime().Equal(now.ModTime()) || old.Size() != now.Size()
}

// parsePasswd parses "name:password:uid:…" lines. The first name of a uid
// counts, as with getpwuid(3); comments, NIS entries and nonsense do not.
func parsePasswd(b []byte) map[uint32]string {
	names := map[uint32]string{}
	for line := range bytes.Lines(b) {
		fields := bytes.SplitN(line, []byte(":"), 4)
		if len(fields) < 4 || len(fields[0]) == 0 || bytes.ContainsRune([]byte("#+-"), rune(fields[0][0])) {
			continue
		}
		uid, err := strconv.ParseUint(string(fields[2]), 10, 32)
		if err != nil {
			continue
		}
		if _, known := names[uint32(uid)]; !known {
			names[uint32(uid)] = string(fields[0])
		}
	}
	return names
}
