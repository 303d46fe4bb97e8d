package proc

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strconv"
)

const (
	// maxThreads bounds how many threads of a process are listed; a server may
	// have tens of thousands, and each takes three files to read.
	maxThreads = 512
	// maxStacks bounds for how many of them the kernel has to unwind a stack.
	maxStacks = 64
)

// Thread is what /proc says about one thread at one moment.
type Thread struct {
	TID   int    // in the pid namespace of this /proc
	Comm  string // any bytes; servers name their threads by their work
	State byte   // as [Process.State], of this thread alone

	Wchan string // kernel function that it sleeps in; "" when it runs, or unreadable
	// Syscall is the number of the system call that it is in, by the ABI of the
	// program (which may be a 32-bit one); -1 when it is in none, runs, or
	// unreadable (it takes CAP_SYS_PTRACE).
	Syscall int
	// Stack holds the functions of its kernel stack, innermost first. It is nil
	// where it runs in user mode, unreadable (it takes CAP_SYS_ADMIN, and
	// CONFIG_STACKTRACE), or not read: only 64 threads of a process have theirs
	// read, those in state D before all others.
	Stack []string
}

// Threads lists the threads of a process: its leader first, then by TID, at
// most 512. How many there are of them in all is the total. Threads that end
// meanwhile are skipped. What may not be looked into is left empty; the error
// is [fs.ErrNotExist] when the process has gone.
//
// The leader is listed too when it has ended before the others: as Z.
func (f FS) Threads(pid int) (threads []Thread, total int, err error) {
	tids, err := pidsIn(f.pidPath(pid, "task"))
	if err != nil {
		return nil, 0, err
	}
	total = len(tids)
	if i := slices.Index(tids, pid); i > 0 { // pids wrap around
		tids = slices.Insert(slices.Delete(tids, i, i+1), 0, pid)
	}
	for _, tid := range tids {
		if len(threads) == maxThreads {
			break
		}
		t, err := f.thread(pid, tid)
		switch {
		case err == nil:
			threads = append(threads, t)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, 0, err
		}
	}
	if len(threads) == 0 {
		if _, err := f.stat(pid); err != nil {
			return nil, 0, err
		}
	}
	f.addStacks(pid, threads)
	return threads, total, nil
}

// thread reads all of a thread but its stack.
func (f FS) thread(pid, tid int) (Thread, error) {
	st, err := readStat(f.taskPath(pid, tid, "stat"))
	if err != nil {
		return Thread{}, err
	}
	t := Thread{TID: tid, Comm: st.comm, State: st.state, Syscall: -1}
	if b, err := readFile(f.taskPath(pid, tid, "wchan")); err == nil {
		t.Wchan = parseWchan(b)
	}
	if b, err := readFile(f.taskPath(pid, tid, "syscall")); err == nil {
		t.Syscall = parseSyscall(b)
	}
	return t, nil
}

// addStacks reads the stacks of the first maxStacks threads, those in
// uninterruptible sleep before all others: they are the ones that need an
// explanation.
func (f FS) addStacks(pid int, threads []Thread) {
	left := maxStacks
	for _, uninterruptible := range []bool{true, false} {
		for i := range threads {
			t := &threads[i]
			if (t.State == 'D') != uninterruptible {
				continue
			}
			if left == 0 {
				return
			}
			left--
			if b, err := readFile(f.taskPath(pid, t.TID, "stack")); err == nil {
				t.Stack = parseStack(b)
			}
		}
	}
}

func (f FS) taskPath(pid, tid int, elem ...string) string {
	return f.pidPath(pid, append([]string{"task", strconv.Itoa(tid)}, elem...)...)
}

// livingPath is the directory of a process, or of another of its threads where
// the leader has ended before them: a leader that has ended is in no cgroup any
// more and has no descriptors, while the process may well listen.
func (f FS) livingPath(pid int) (string, error) {
	st, err := f.stat(pid)
	if err != nil {
		return "", err
	}
	if st.ended() {
		tids, _ := pidsIn(f.pidPath(pid, "task"))
		for _, tid := range tids {
			if st, err := readStat(f.taskPath(pid, tid, "stat")); err == nil && !st.ended() {
				return f.taskPath(pid, tid), nil
			}
		}
	}
	return f.pidPath(pid), nil
}

// parseSyscall knows the three forms of proc_pid_syscall(5): "running", "-1 SP
// PC" of a thread that is stopped outside of any system call, and "NUMBER ARGS…
// SP PC".
func parseSyscall(b []byte) int {
	number, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte(" "))
	n, err := strconv.Atoi(string(number))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// parseStack parses lines like these, and leaves out those without a name:
//
//	[<0>] nf_hook_slow+0x43/0xc0 [nf_tables]
//	[<0>] 0xffffffffffffffff
func parseStack(b []byte) []string {
	var functions []string
	for line := range bytes.Lines(b) {
		_, frame, ok := bytes.Cut(line, []byte("] "))
		if !ok {
			continue
		}
		name, _, ok := bytes.Cut(frame, []byte("+0x"))
		if ok && len(name) > 0 {
			functions = append(functions, string(name))
		}
	}
	return functions
}
