package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
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
	// ReadCalls and WriteCalls are syscr and syscw: calls, failed ones too.
	ReadCalls, WriteCalls uint64
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
	if err := a.parseIO(b); err != nil {
		return Activity{}, fmt.Errorf("parse %s: %w", path, err)
	}
	a.IOKnown = true
	return a, nil
}

// Moved is how many bytes were read and written since earlier, leaving out
// wake-ups: reads and writes of eight bytes or less each, as of eventfds and
// self-pipes, by which a runtime's poller talks to itself.
func (a Activity) Moved(earlier Activity) uint64 {
	return work(grown(a.ReadBytes, earlier.ReadBytes), grown(a.ReadCalls, earlier.ReadCalls)) +
		work(grown(a.WrittenBytes, earlier.WrittenBytes), grown(a.WriteCalls, earlier.WriteCalls))
}

func work(bytes, calls uint64) uint64 {
	if bytes <= 8*calls {
		return 0
	}
	return bytes
}

func grown(now, earlier uint64) uint64 {
	if now < earlier {
		return 0
	}
	return now - earlier
}

// parseIO finds what we use in "key: value" lines.
func (a *Activity) parseIO(b []byte) error {
	wanted := map[string]*uint64{
		"rchar": &a.ReadBytes, "wchar": &a.WrittenBytes, "syscr": &a.ReadCalls, "syscw": &a.WriteCalls,
	}
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		out := wanted[string(key)]
		if out == nil {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*out = n
		delete(wanted, string(key))
	}
	if len(wanted) > 0 {
		return errors.New("want rchar, wchar, syscr and syscw")
	}
	return nil
}
