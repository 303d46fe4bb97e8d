package proc

import (
	"bytes"
	"fmt"
	"io/fs"
	"time"
)

// maxCmdline bounds what is kept of a command line, in bytes. A process may
// have megabytes of arguments, and nobody reads them in a report.
const maxCmdline = 64 << 10

// Process is what /proc says about one process at one moment.
type Process struct {
	PID   int
	PPID  int // 0: none, or outside the pid namespace of this /proc
	NSPID int // its pid in its innermost pid namespace; PID outside containers

	Comm    string   // any bytes; 15 of them but for kernel threads
	Exe     string   // any bytes; " (deleted)" kept; "" when unknown (kernel threads, no CAP_SYS_PTRACE)
	Cmdline []string // any bytes, the first 64 KiB; nil for kernel threads, zombies, and where unreadable
	UID     uint32   // effective

	// State is the leader's: R, S, D, T (stopped), t (traced), Z, I, X. It is
	// Z too while other threads outlive the leader.
	State byte

	// StartTicks counts 1/100 s since boot. With PID it identifies the process.
	StartTicks uint64
	// Started is StartTicks as wall clock: up to one second early (the kernel
	// cuts the boot time to seconds), and wrong by later steps of the clock for
	// up to 10 s. Zero when /proc/stat is hidden (systemd's ProcSubset=pid).
	Started time.Time

	Wchan        string // kernel function that the leader sleeps in; "" when it runs, or unreadable
	TracerPID    int    // 0: nobody traces it
	KernelThread bool
}

// Process reads all of a process. The error is [fs.ErrNotExist] when it has
// gone, also when it goes, or its pid is given to another, while it is read.
// What needs more privileges than stat and status do (Exe, Wchan) is left empty.
func (f FS) Process(pid int) (Process, error) {
	st, err := f.stat(pid)
	if err != nil {
		return Process{}, err
	}
	status, err := f.status(pid)
	if err != nil {
		return Process{}, err
	}
	p := Process{
		PID:          pid,
		PPID:         st.ppid,
		NSPID:        status.nsPID,
		Comm:         st.comm,
		UID:          status.uid,
		State:        st.state,
		StartTicks:   st.startTicks,
		TracerPID:    status.tracerPID,
		KernelThread: st.kernel,
	}
	if p.NSPID == 0 { // no NSpid line: CONFIG_PID_NS is off
		p.NSPID = pid
	}
	p.Started = f.StartedAt(st.startTicks)
	if wchan, err := readFile(f.pidPath(pid, "wchan")); err == nil {
		p.Wchan = parseWchan(wchan)
	}
	if !p.KernelThread {
		if exe, err := readLink(f.pidPath(pid, "exe")); err == nil {
			p.Exe = exe
		}
		if cmdline, err := f.cmdline(pid); err == nil {
			p.Cmdline = cmdline
		}
	}

	// Several files were read: were they all of one process?
	again, err := f.StartTicks(pid)
	if err != nil {
		return Process{}, err
	}
	if again != st.startTicks {
		return Process{}, fmt.Errorf("read %s: pid now belongs to another process: %w", f.pidPath(pid), fs.ErrNotExist)
	}
	return p, nil
}

// StartTicks reads when a process started, in 1/100 s since boot: beside its
// pid, its identity. The error is [fs.ErrNotExist] when the process has gone.
func (f FS) StartTicks(pid int) (uint64, error) {
	st, err := f.stat(pid)
	return st.startTicks, err
}

func (f FS) cmdline(pid int) ([]string, error) {
	b, err := readHead(f.pidPath(pid, "cmdline"), maxCmdline)
	if err != nil {
		return nil, err
	}
	if len(b) == maxCmdline {
		// Of half a word nobody can tell whether it is a secret: that a URL has a password
		// shows at its '@'.
		b = b[:bytes.LastIndexAny(b, "\x00 \t\n")+1]
	}
	return parseCmdline(b), nil
}

// parseCmdline splits on NUL. Trailing NULs are dropped, all of them: servers
// that write a title over their arguments (nginx) pad it with NULs, and that
// is far commoner than an empty last argument.
func parseCmdline(b []byte) []string {
	b = bytes.TrimRight(b, "\x00")
	if len(b) == 0 {
		return nil
	}
	var args []string
	for arg := range bytes.SplitSeq(b, []byte{0}) {
		args = append(args, string(arg))
	}
	return args
}

// parseWchan knows "0" for a process that does not sleep or that we may not
// look into.
func parseWchan(b []byte) string {
	s := string(bytes.TrimSpace(b))
	if s == "0" {
		return ""
	}
	return s
}
