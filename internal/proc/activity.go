package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// Activity holds the cumulative counters of a process, all threads together.
type Activity struct {
	UserTicks   uint64 // 1/100 s of CPU in user mode
	SystemTicks uint64 // 1/100 s of CPU in the kernel
	MajorFaults uint64 // page faults that needed I/O

	// ReadBytes and WrittenBytes are rchar and wchar of proc_pid_io(5): what
	// passed through read(), write() and their like, of files, pipes, eventfds
	// and sockets alike. Sockets served by recv() and send() do not count
	// here, nor does io_uring: they show as system time only.
	ReadBytes, WrittenBytes uint64
	// IOKnown is false where /proc/PID/io may not be read (it takes
	// CAP_SYS_PTRACE for another user's process); both byte counts are 0 then.
	IOKnown bool
}

// Activity reads the counters of a process. The error is [fs.ErrNotExist] when
// the process has gone; not being allowed to read its I/O is no error.
func (f FS) Activity(pid int) (Activity, error) {
	st, err := f.stat(pid)
	if err != nil {
		return Activity{}, err
	}
	a := Activity{UserTicks: st.userTicks, SystemTicks: st.systemTicks, MajorFaults: st.majorFaults}

	path := f.pidPath(pid, "io")
	b, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return a, nil
	case errors.Is(err, fs.ErrNotExist):
		// Either the process ended just now, or the kernel has no
		// CONFIG_TASK_IO_ACCOUNTING: only the former is an error.
		_, gone := f.stat(pid)
		return a, gone
	case err != nil:
		return Activity{}, err
	}
	if a.ReadBytes, a.WrittenBytes, err = parseIO(b); err != nil {
		return Activity{}, fmt.Errorf("parse %s: %w", path, err)
	}
	a.IOKnown = true
	return a, nil
}

// Progress says whether a process did any work since earlier, elapsed before:
// I/O bytes or major faults grew, or it used at least 1 % of a CPU and some of
// that in the kernel. User time alone is none (that is spinning), and neither
// are context switches. Counters that fell (another process) count as
// unchanged; without a positive elapsed the CPU share is unknown and not used.
func (a Activity) Progress(earlier Activity, elapsed time.Duration) bool {
	if a.IOKnown && earlier.IOKnown &&
		(a.ReadBytes > earlier.ReadBytes || a.WrittenBytes > earlier.WrittenBytes) {
		return true
	}
	if a.MajorFaults > earlier.MajorFaults {
		return true
	}
	system := grown(a.SystemTicks, earlier.SystemTicks)
	if system == 0 || elapsed <= 0 {
		return false
	}
	seconds := float64(system+grown(a.UserTicks, earlier.UserTicks)) / userHZ
	return seconds >= 0.01*elapsed.Seconds()
}

func grown(now, earlier uint64) uint64 {
	if now < earlier {
		return 0
	}
	return now - earlier
}

// parseIO finds rchar and wchar in "key: value" lines.
func parseIO(b []byte) (read, written uint64, err error) {
	found := 0
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		var out *uint64
		switch string(key) {
		case "rchar":
			out = &read
		case "wchar":
			out = &written
		default:
			continue
		}
		if *out, err = strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", key, err)
		}
		found++
	}
	if found != 2 {
		return 0, 0, errors.New("want one rchar and one wchar line")
	}
	return read, written, nil
}
