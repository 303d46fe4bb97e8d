package proc

import (
	"errors"
	"io/fs"

	"github.com/reusewatch/reusewatch/internal/text"
)

// What is asked of a process: bits of Question.What.
type What uint

// What only /proc has.
const (
	Names  What = 1 << iota // executable, command line, cgroups
	Limits                  // descriptors, and how many there may be
	Epolls                  // what its epoll sets have
	Itself                  // who it is: of one that no iterator shows
	Locks                   // on files, of all processes: the pid is 0
)

// Question about one process, and what to look at.
type Question struct {
	PID     int
	TID     int    // a thread that lives: a leader that has ended has no files and no cgroups
	User    uint32 // who is not asked again if this hangs
	What    What
	EpollFD []int // a descriptor of each of its epoll sets
}

// Answer is what /proc said; what was not asked, or not told, is zero.
type Answer struct {
	PID  int
	Gone bool // the process has ended

	Exe     string
	Cmdline []string // what looks secret is masked
	Cgroups Cgroups

	Files      Files
	FilesKnown bool

	// Registered are the inodes of all that its epoll sets have.
	Registered      []uint64
	RegisteredKnown bool

	Process Process

	Locks      []Lock
	LocksKnown bool
}

// ask answers a question. It may hang, as long as the process does.
func (f FS) ask(q *Question) Answer {
	a := Answer{PID: q.PID}
	if q.TID == 0 {
		q.TID = q.PID
	}
	dir := f.taskPath(q.PID, q.TID)
	var errs []error
	if q.What&Locks != 0 {
		locks, err := f.locks()
		a.Locks, a.LocksKnown = locks, err == nil
		return a
	}
	if q.What&Itself != 0 {
		var err error
		a.Process, err = f.Process(q.PID)
		errs = append(errs, err)
	}
	if q.What&Names != 0 {
		var err error
		// A leader that has ended runs nothing any more, and neither is known of it.
		if a.Exe, err = readLink(f.pidPath(q.PID, "exe")); err != nil {
			a.Exe = "" // a kernel thread has none, and that of others takes CAP_SYS_PTRACE
		}
		cmdline, err := f.cmdline(q.PID)
		a.Cmdline = text.MaskSecrets(cmdline)
		errs = append(errs, err)
		a.Cgroups, err = readCgroups(dir + "/cgroup")
		errs = append(errs, err)
	}
	if q.What&Limits != 0 {
		files, err := filesIn(dir)
		a.Files, a.FilesKnown = files, err == nil
		errs = append(errs, err)
	}
	if q.What&Epolls != 0 {
		inodes, err := registered(dir, q.EpollFD)
		a.Registered, a.RegisteredKnown = inodes, err == nil
		errs = append(errs, err)
	}
	a.Gone = errors.Is(errors.Join(errs...), fs.ErrNotExist) && f.gone(q.PID)
	return a
}

func (f FS) gone(pid int) bool {
	_, err := f.stat(pid)
	return errors.Is(err, fs.ErrNotExist)
}
