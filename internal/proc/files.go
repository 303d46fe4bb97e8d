package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Files counts the open descriptors of a process against its limit.
type Files struct {
	Open  int
	Limit uint64 // soft RLIMIT_NOFILE; [math.MaxUint64] for unlimited
}

// AtLimit says whether the process could open no other descriptor: its next
// accept() fails with EMFILE. False is certain. True is wrong only of a process
// that lowered its limit below descriptors that it has open. The host's own
// limit, fs.file-max, is not looked at.
func (f Files) AtLimit() bool {
	return uint64(f.Open) >= f.Limit
}

// filesIn counts the descriptors of a process in whose directory of /proc, or that of
// one of its threads, it looks. Before Linux 6.2 to list them takes
// CAP_DAC_READ_SEARCH for another user's process.
func filesIn(dir string) (Files, error) {
	path := filepath.Join(dir, "limits")
	b, err := readFile(path)
	if err != nil {
		return Files{}, err
	}
	var files Files
	if files.Limit, err = parseOpenFilesLimit(b); err != nil {
		return Files{}, fmt.Errorf("parse %s: %w", path, err)
	}
	files.Open, err = countFiles(filepath.Join(dir, "fd"))
	return files, err
}

// countFiles counts the entries of /proc/PID/fd. From Linux 6.2 on their number
// is the size of the directory (f1f1f2569901, "proc: report open files as size
// in stat() for /proc/pid/fd"); before, the size is 0, and elsewhere than in
// proc it is something else.
func countFiles(dir string) (int, error) {
	var in unix.Statfs_t
	if err := unix.Statfs(dir, &in); err == nil && in.Type == unix.PROC_SUPER_MAGIC {
		if info, err := os.Stat(dir); err == nil && info.Size() > 0 {
			return int(info.Size()), nil
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return 0, ioError("open", dir, err)
	}
	defer d.Close()
	for n := 0; ; {
		names, err := d.Readdirnames(4096)
		n += len(names)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, ioError("list", dir, err)
		}
	}
}

// parseOpenFilesLimit finds the soft limit in a limits file:
//
//	Max open files            1024                 524288               files
func parseOpenFilesLimit(b []byte) (uint64, error) {
	for line := range bytes.Lines(b) {
		values, ok := bytes.CutPrefix(line, []byte("Max open files "))
		if !ok {
			continue
		}
		fields := bytes.Fields(values)
		if len(fields) == 0 {
			return 0, errors.New("max open files: no value")
		}
		if string(fields[0]) == "unlimited" {
			return math.MaxUint64, nil
		}
		limit, err := strconv.ParseUint(string(fields[0]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("max open files: %w", err)
		}
		return limit, nil
	}
	return 0, errors.New("no line Max open files")
}
