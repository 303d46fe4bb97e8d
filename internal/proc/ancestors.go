package proc

import (
	"errors"
	"fmt"
	"io/fs"
)

// ancestorTries bounds how often the walk starts anew when a parent ends under
// way. Its children get another parent at once, so one retry is nearly always
// enough.
const ancestorTries = 5

// Ancestors lists the parents of a process, nearest first, up to pid 1 or the
// top of the pid namespace of this /proc. The process itself is not in it. The
// error is [fs.ErrNotExist] when the process has gone.
func (f FS) Ancestors(pid int) ([]int, error) {
	for try := 1; ; try++ {
		chain, err := f.parents(pid)
		if err == nil {
			return chain, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || len(chain) == 0 || try == ancestorTries {
			return nil, fmt.Errorf("ancestors of pid %d: %w", pid, err)
		}
	}
}

// parents returns what it walked, also with an error.
func (f FS) parents(pid int) ([]int, error) {
	var chain []int
	seen := map[int]bool{pid: true}
	for {
		st, err := f.stat(pid)
		if err != nil {
			return chain, err
		}
		// A loop cannot be, but pids reused between two reads could look so.
		if st.ppid <= 0 || seen[st.ppid] {
			return chain, nil
		}
		pid = st.ppid
		seen[pid] = true
		chain = append(chain, pid)
	}
}
