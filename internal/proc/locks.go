package proc

import (
	"bytes"
	"strconv"
)

// maxLocks bounds what is read of /proc/locks, in bytes: 80 a lock.
const maxLocks = 1 << 20

// Lock is a lock on a file that somebody waits for.
type Lock struct {
	Kind   string // FLOCK, POSIX or OFDLCK
	Waiter int    // pid
	Holder int    // pid; -1 where it is of an open file, whoever has that (OFDLCK)
}

// locks gives the locks that somebody waits for, and who has them.
func (f FS) locks() ([]Lock, error) {
	b, err := readHead(f.path("locks"), maxLocks)
	if err != nil {
		return nil, err
	}
	return parseLocks(b), nil
}

// parseLocks parses lines of proc_locks(5). A waiter's has the number of the lock that
// it waits for, and stands behind it:
//
//	1: POSIX  ADVISORY  WRITE 700 fe:00:1234 0 EOF
//	1: -> POSIX  ADVISORY  WRITE 701 fe:00:1234 0 EOF
func parseLocks(b []byte) []Lock {
	var waits []Lock
	holders := make(map[string]int)
	for line := range bytes.Lines(b) {
		fields := bytes.Fields(line)
		waiting := len(fields) > 1 && string(fields[1]) == "->"
		at := 1
		if waiting {
			at = 2
		}
		if len(fields) < at+4 {
			continue
		}
		pid, err := strconv.Atoi(string(fields[at+3]))
		if err != nil {
			continue
		}
		number := string(fields[0])
		if !waiting {
			holders[number] = pid
			continue
		}
		if holder, known := holders[number]; known {
			waits = append(waits, Lock{Kind: string(fields[at]), Waiter: pid, Holder: holder})
		}
	}
	return waits
}
