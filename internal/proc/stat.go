package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// pfKThread is PF_KTHREAD of include/linux/sched.h: a thread of the kernel's.
const pfKThread = 0x00200000

// stat is what we use of /proc/PID/stat. The numbers in the comments are the
// fields of proc_pid_stat(5). The file sums over all threads of the process,
// ended ones included; only state is that of the leader alone.
type stat struct {
	comm        string // 2
	state       byte   // 3
	ppid        int    // 4
	session     int    // 6
	kernel      bool   // 9, flags
	majorFaults uint64 // 12
	userTicks   uint64 // 14
	systemTicks uint64 // 15
	startTicks  uint64 // 22
}

func (f FS) stat(pid int) (stat, error) {
	return readStat(f.pidPath(pid, "stat"))
}

// readStat reads the stat file of a process or, in its task directory, of a
// thread: there the times and faults are the thread's own.
func readStat(path string) (stat, error) {
	b, err := readFile(path)
	if err != nil {
		return stat{}, err
	}
	st, err := parseStat(b)
	if err != nil {
		return stat{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return st, nil
}

// parseStat parses the one line of a stat file. The name is not escaped there
// and a process chooses its own, so it ends at the last ')' of the file: behind
// it there is nothing but a letter and numbers.
func parseStat(b []byte) (stat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, errors.New("no (name)")
	}
	st := stat{comm: string(b[open+1 : end])}

	const first, last = 3, 22
	fields := bytes.Fields(b[end+1:])
	if len(fields) < last-first+1 {
		return stat{}, fmt.Errorf("%d fields after the name, want at least %d", len(fields), last-first+1)
	}
	field := func(n int) string { return string(fields[n-first]) }
	if len(field(3)) != 1 {
		return stat{}, fmt.Errorf("field 3: state %q is not one letter", field(3))
	}
	st.state = field(3)[0]

	var err error
	if st.ppid, err = strconv.Atoi(field(4)); err != nil {
		return stat{}, fmt.Errorf("field 4: %w", err)
	}
	if st.session, err = strconv.Atoi(field(6)); err != nil {
		return stat{}, fmt.Errorf("field 6: %w", err)
	}
	var flags uint64
	for _, u := range []struct {
		n   int
		out *uint64
	}{
		{9, &flags}, {12, &st.majorFaults}, {14, &st.userTicks}, {15, &st.systemTicks}, {22, &st.startTicks},
	} {
		if *u.out, err = strconv.ParseUint(field(u.n), 10, 64); err != nil {
			return stat{}, fmt.Errorf("field %d: %w", u.n, err)
		}
	}
	st.kernel = flags&pfKThread != 0
	return st, nil
}
