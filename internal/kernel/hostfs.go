package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// initPIDInode is the inode of the first pid namespace (PROC_PID_INIT_INO,
// include/linux/proc_ns.h).
const initPIDInode = "pid:[4026531836]"

// hostFS says where the files of a host are, and how to ask its kernel for its types.
type hostFS struct {
	proc, sys, release string
	askTypes           func() ([]byte, error)
}

// realHost is the one that we are on.
func realHost() hostFS { return hostFS{proc: "/proc", sys: "/sys", askTypes: askTypes} }

// Inspect reads what the host offers. The types are a copy from a file, or nil.
func Inspect(types *Types) (Host, error) {
	h, err := realHost().inspect(types)
	if err != nil {
		return h, &CannotObserve{"the host", "run it where /proc is mounted", err}
	}
	return h, nil
}

func (f hostFS) inspect(types *Types) (Host, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Host{}, fmt.Errorf("uname: %w", err)
	}
	h := Host{
		Release: unix.ByteSliceToString(u.Release[:]), Version: unix.ByteSliceToString(u.Version[:]),
		Machine:      unix.ByteSliceToString(u.Machine[:]),
		Lockdown:     f.lockdown(),
		Securityfs:   mounted(filepath.Join(f.sys, "kernel/security"), unix.SECURITYFS_MAGIC),
		Tracefs:      mounted(filepath.Join(f.sys, "kernel/tracing"), unix.TRACEFS_MAGIC),
		BPFFS:        mounted(filepath.Join(f.sys, "fs/bpf"), unix.BPF_FS_MAGIC),
		KptrRestrict: f.kptrRestrict(),
	}
	if f.release != "" {
		h.Release = f.release
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return h, fmt.Errorf("read the memlock limit: %w", err)
	}
	h.Memlock = limit.Cur
	ns, err := os.Readlink(filepath.Join(f.proc, "self/ns/pid"))
	h.HostPIDs = err == nil && ns == initPIDInode
	h.BTF = f.btf(types)
	h.Capabilities, err = f.capabilities()
	return h, err
}

// btf finds out which types there are, and whether those of a file are this kernel's. What
// the kernel does not let us read stays unknown.
func (f hostFS) btf(types *Types) BTF {
	_, err := os.Stat(filepath.Join(f.sys, vmlinux))
	b := BTF{Shown: err == nil}
	if b.Shown && types == nil {
		b.Built = listener.Known(true)
		return b
	}
	own, err := f.ownTypes()
	if err == nil || errors.Is(err, errNoTypes) {
		b.Built = listener.Known(err == nil)
	}
	if types != nil {
		b.File = types.path
		if err == nil {
			b.Same = listener.Known(bytes.Equal(own, types.raw))
		}
	}
	return b
}

// mounted says how a file system of that kind is mounted at a path.
func mounted(path string, magic int64) Mount {
	var fs unix.Statfs_t
	switch err := unix.Statfs(path, &fs); {
	case err != nil, fs.Type != magic:
		return NotMounted
	case fs.Flags&unix.ST_RDONLY != 0:
		return ReadOnly
	default:
		return Mounted
	}
}

func (f hostFS) kptrRestrict() listener.Maybe[int] {
	b, err := os.ReadFile(filepath.Join(f.proc, "sys/kernel/kptr_restrict"))
	if err != nil {
		return listener.Maybe[int]{}
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return listener.Maybe[int]{}
	}
	return listener.Known(n)
}

// lockdown reads the active one of "none [integrity] confidentiality".
func (f hostFS) lockdown() string {
	b, err := os.ReadFile(filepath.Join(f.sys, "kernel/security/lockdown"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), "[")
	active, _, _ := strings.Cut(rest, "]")
	return active
}

func (f hostFS) capabilities() ([]Capability, error) {
	path := filepath.Join(f.proc, "self/status")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read own capabilities: %w", err)
	}
	_, rest, _ := strings.Cut(string(b), "CapEff:\t")
	hex, _, _ := strings.Cut(rest, "\n")
	eff, err := strconv.ParseUint(hex, 16, 64)
	if err != nil {
		return nil, fmt.Errorf("parse CapEff of %s: %w", path, err)
	}
	caps := []Capability{
		{Name: "CAP_BPF", Number: unix.CAP_BPF, For: "programs and maps", Needed: true},
		{Name: "CAP_PERFMON", Number: unix.CAP_PERFMON, For: "tracepoints and iterators", Needed: true},
		{Name: "CAP_SYS_PTRACE", Number: unix.CAP_SYS_PTRACE, For: "owners' executables and namespaces", Needed: true},
		{Name: "CAP_SYS_ADMIN", Number: unix.CAP_SYS_ADMIN, For: "acts; counts and list in other network namespaces; kernel stacks"},
		{Name: "CAP_DAC_READ_SEARCH", Number: unix.CAP_DAC_READ_SEARCH, For: "owners' descriptors when not root"},
		{Name: "CAP_KILL", Number: unix.CAP_KILL, For: "--action kill"},
		{Name: "CAP_SYSLOG", Number: unix.CAP_SYSLOG, For: "not needed: symbols are named in the kernel, not by /proc/kallsyms"},
	}
	for i := range caps {
		caps[i].Has = eff&(1<<caps[i].Number) != 0
	}
	return caps, nil
}
