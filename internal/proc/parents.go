package proc

import "fmt"

// maxParents bounds the chain of [FS.Parents].
const maxParents = 32

// Parent is one of the parents of a process.
type Parent struct {
	PID      int
	Comm     string // any bytes; "" when it may not be looked into
	UID      uint32 // effective; not known is not root, so look at UIDKnown
	UIDKnown bool
}

// Parents describes the parents of a process, nearest first, up to pid 1 or the
// top of the pid namespace of this /proc, 32 at most. One that may not be looked
// into (hidepid, security modules) is kept with what is known of it; what is
// above it may be missing then. The error is [fs.ErrNotExist] when the process
// itself has gone.
func (f FS) Parents(pid int) ([]Parent, error) {
	for try := 1; ; try++ {
		chain, settled, err := f.describeParents(pid)
		if err != nil {
			return nil, fmt.Errorf("parents of pid %d: %w", pid, err)
		}
		if settled || try == ancestorTries {
			return chain, nil
		}
	}
}

// describeParents walks up once. It has not settled when a parent ended under
// way: then its child has another by now.
func (f FS) describeParents(pid int) (chain []Parent, settled bool, err error) {
	st, err := f.stat(pid)
	if err != nil {
		return nil, false, err
	}
	seen := map[int]bool{pid: true} // as in FS.parents
	for len(chain) < maxParents && st.ppid > 0 && !seen[st.ppid] {
		p := Parent{PID: st.ppid}
		above, err := f.stat(p.PID)
		if err != nil {
			// hidepid says "not there" of what it hides, but its child goes on
			// naming it.
			again, err := f.stat(pid)
			return append(chain, p), err == nil && again.ppid == p.PID, nil
		}
		p.Comm = above.comm
		if status, err := f.status(p.PID); err == nil {
			p.UID, p.UIDKnown = status.uid, true
		}
		chain = append(chain, p)
		pid, st = p.PID, above
		seen[pid] = true
	}
	return chain, true, nil
}
