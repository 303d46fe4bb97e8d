package netns

import (
	"bytes"
	"strconv"
	"strings"
)

// nsMount is a network namespace that is kept by a bind mount.
type nsMount struct {
	inode uint32
	path  string // any bytes
}

// parseMounts finds the network namespaces among the mounts of a mountinfo
// file, see proc_pid_mountinfo(5):
//
//	36 35 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw
//	           root             mount point    optional… -  type
//
// Where mounts are stacked on one point only the top one can be opened: it is
// the later line. Lines that make no sense are left out.
func parseMounts(b []byte) []nsMount {
	var mounts []nsMount
	at := map[string]int{}
	for line := range bytes.Lines(b) {
		if !bytes.Contains(line, []byte(" - nsfs ")) { // hosts have thousands of other mounts
			continue
		}
		fields := strings.Split(string(line), " ") // not Fields: it takes other bytes for blanks too
		if len(fields) < 5 {
			continue
		}
		inode, ok := parseLink(fields[3])
		if !ok {
			continue
		}
		m := nsMount{inode: inode, path: unescapeMount(fields[4])}
		if i, stacked := at[m.path]; stacked {
			mounts[i] = m
			continue
		}
		at[m.path] = len(mounts)
		mounts = append(mounts, m)
	}
	return mounts
}

// parseLink parses a link to a namespace, "net:[4026531840]".
func parseLink(s string) (inode uint32, ok bool) {
	digits, ok := strings.CutPrefix(s, "net:[")
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, "]")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil
}

// unescapeMount undoes the three-digit octal escapes of blank, tab, newline,
// backslash and '#' in mountinfo.
func unescapeMount(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
