package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Floor is the oldest kernel that can run the programs: bpf_loop and
// bpf_strncmp came with 5.17, for_each and syscall programs with 5.13 and 5.14.
const Floor = "5.17"

const (
	floorMajor = 5
	floorMinor = 17
)

// CannotObserve says what is missing to observe anything at all, and the way out.
type CannotObserve struct {
	Missing string
	WayOut  string
	Err     error
}

func (e *CannotObserve) Error() string {
	s := "cannot observe: " + e.Missing
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s + "; " + e.WayOut
}

func (e *CannotObserve) Unwrap() error { return e.Err }

// Capability is one that reusewatch uses.
type Capability struct {
	Name   string
	Number uint
	For    string
	Has    bool
	// Needed to observe at all; the others are for acts or for non-root.
	Needed bool
}

// Host is what reusewatch needs of a host, as it found it.
type Host struct {
	Release      string // of the kernel, uname -r
	Machine      string
	BTF          bool
	Lockdown     string // "none", "integrity", "confidentiality"; "" unknown
	Capabilities []Capability
	HostPIDs     bool // we are in the host's own pid namespace
}

// initPIDInode is the inode of the first pid namespace (PROC_PID_INIT_INO,
// include/linux/proc_ns.h).
const initPIDInode = "pid:[4026531836]"

// hostFS says where to look; the zero value is the real host.
type hostFS struct {
	proc, sys, release string
}

// Inspect reads what the host offers.
func Inspect() (Host, error) { return hostFS{}.inspect() }

func (f hostFS) inspect() (Host, error) {
	if f.proc == "" {
		f.proc, f.sys = "/proc", "/sys"
	}
	var h Host
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return h, fmt.Errorf("uname: %w", err)
	}
	h.Release, h.Machine = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
	if f.release != "" {
		h.Release = f.release
	}
	_, err := os.Stat(filepath.Join(f.sys, "kernel/btf/vmlinux"))
	h.BTF = err == nil
	h.Lockdown = f.lockdown()
	ns, err := os.Readlink(filepath.Join(f.proc, "self/ns/pid"))
	h.HostPIDs = err == nil && ns == initPIDInode
	h.Capabilities, err = f.capabilities()
	return h, err
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
		{Name: "CAP_SYS_ADMIN", Number: unix.CAP_SYS_ADMIN, For: "counts, list and acts in other network namespaces; kernel stacks"},
		{Name: "CAP_DAC_READ_SEARCH", Number: unix.CAP_DAC_READ_SEARCH, For: "owners' descriptors when not root"},
		{Name: "CAP_KILL", Number: unix.CAP_KILL, For: "--action kill"},
	}
	for i := range caps {
		caps[i].Has = eff&(1<<caps[i].Number) != 0
	}
	return caps, nil
}

// checkHost refuses where nothing can work, in the order in which a user would
// mend it.
func checkHost(f hostFS) error {
	h, err := f.inspect()
	if err != nil {
		return &CannotObserve{"the host", "run it where /proc is mounted", err}
	}
	if major, minor := version(h.Release); major < floorMajor || major == floorMajor && minor < floorMinor {
		return &CannotObserve{
			Missing: fmt.Sprintf("kernel %s is too old: reusewatch needs %s or newer (bpf_loop)", h.Release, Floor),
			WayOut:  "boot a newer kernel (Debian 12 has 6.1)",
		}
	}
	var missing []string
	for _, c := range h.Capabilities {
		if c.Needed && !c.Has {
			missing = append(missing, c.Name)
		}
	}
	if len(missing) > 0 {
		return &CannotObserve{
			Missing: "no " + strings.Join(missing, ", "),
			WayOut:  "run it as root, or give it these capabilities",
		}
	}
	if !h.HostPIDs {
		return &CannotObserve{
			Missing: "this is not the host's pid namespace, so its processes cannot be told",
			WayOut:  "run it with hostPID: true (Kubernetes) or --pid=host (docker, podman)",
		}
	}
	if h.Lockdown == "confidentiality" {
		return &CannotObserve{
			Missing: "kernel lockdown is in confidentiality mode, which forbids reading kernel memory",
			WayOut:  "boot with lockdown=integrity or none",
		}
	}
	if !h.BTF {
		return &CannotObserve{
			Missing: "no BTF: /sys/kernel/btf/vmlinux is not there",
			WayOut:  "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys",
		}
	}
	return nil
}

// cannotLoad is the error of a host that passed checkHost and still refused
// every tier: the reason of the lowest one counts.
func cannotLoad(reasons []TierReason) error {
	return &CannotObserve{
		Missing: "the kernel refused the programs",
		WayOut:  "`reusewatch doctor` says more",
		Err:     reasons[len(reasons)-1].Err,
	}
}

// version reads the major and minor number of a kernel release, 0 where there is none.
func version(release string) (major, minor int) {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return 0, 0
	}
	major, _ = strconv.Atoi(parts[0])
	digits := strings.TrimRightFunc(parts[1], func(r rune) bool { return r < '0' || r > '9' })
	minor, _ = strconv.Atoi(digits)
	return major, minor
}
