package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// How much is looked through of one process: a set may have as many members as there
// are descriptors, and a process as many sets.
const (
	maxSets    = 64
	maxSetInfo = 1 << 20 // bytes of the fdinfo of all of them, 80 a member
)

var errTooMuch = errors.New("too much to look through")

// registered gives the inodes of all that these epoll sets have, as the tfd lines of
// /proc/PID/fdinfo/FD tell (proc_pid_fdinfo(5), ino since Linux 4.12).
func registered(dir string, sets []int) ([]uint64, error) {
	if len(sets) > maxSets {
		return nil, fmt.Errorf("%d epoll sets in %s: %w", len(sets), dir, errTooMuch)
	}
	var all []uint64
	left := maxSetInfo
	for _, fd := range sets {
		path := dir + "/fdinfo/" + strconv.Itoa(fd)
		b, err := readHead(path, left)
		if errors.Is(err, fs.ErrNotExist) {
			continue // closed meanwhile
		}
		if left -= len(b); err == nil && left <= 0 {
			err = fmt.Errorf("read %s: %w", path, errTooMuch)
		}
		if err != nil {
			return nil, err
		}
		all = appendMembers(all, b)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// appendMembers reads lines such as
// "tfd:        5 events:       19 data:                5  pos:0 ino:1f5f sdev:8".
func appendMembers(inodes []uint64, fdinfo []byte) []uint64 {
	for line := range bytes.Lines(fdinfo) {
		if !bytes.HasPrefix(line, []byte("tfd:")) {
			continue
		}
		_, rest, found := bytes.Cut(line, []byte(" ino:"))
		hex, _, _ := bytes.Cut(rest, []byte(" "))
		if n, err := strconv.ParseUint(string(bytes.TrimSpace(hex)), 16, 64); found && err == nil {
			inodes = append(inodes, n)
		}
	}
	return inodes
}
