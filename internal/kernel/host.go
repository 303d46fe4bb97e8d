package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
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

// Capability is one that reusewatch uses, or is often taken to need.
type Capability struct {
	Name   string
	Number uint
	For    string
	Has    bool
	// Needed to observe at all; the others are for acts or for non-root.
	Needed bool
}

// Host describes what reusewatch needs of a host, and what it is often taken to need.
type Host struct {
	Release      string // of the kernel, uname -r
	Version      string // of the kernel, uname -v
	Machine      string
	BTF          BTF
	Lockdown     string // "none", "integrity", "confidentiality"; "" unknown
	Capabilities []Capability
	HostPIDs     bool // we are in the host's own pid namespace
	Securityfs   Mount
	Tracefs      Mount
	BPFFS        Mount
	KptrRestrict listener.Maybe[int]
	Memlock      uint64 // RLIMIT_MEMLOCK in bytes; unix.RLIM_INFINITY for none
}

// BTF is what is known of the kernel's types.
type BTF struct {
	Shown bool                 // /sys shows the types
	Built listener.Maybe[bool] // the kernel has them, shown or not; unknown where only root may ask
	File  string               // the file with a copy that was given; "" for none
	Same  listener.Maybe[bool] // the copy is of this kernel's types
}

// Mount is how a file system is mounted.
type Mount string

// The ways in which a file system is mounted.
const (
	Mounted    Mount = "mounted"
	ReadOnly   Mount = "mounted read-only"
	NotMounted Mount = "not mounted"
)

// TooOld says whether its kernel is older than Floor.
func (h *Host) TooOld() bool {
	major, minor := version(h.Release)
	return major < floorMajor || major == floorMajor && minor < floorMinor
}

// check is an error where nothing can work: the first one that a user would have to mend.
func (h *Host) check() error {
	if h.TooOld() {
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
	return h.checkBTF()
}

// checkBTF tells apart why the types can be missing: only one cause is mended by a file.
func (h *Host) checkBTF() error {
	const without = "CONFIG_DEBUG_INFO_BTF=y"
	built, known := h.BTF.Built.Get()
	same, compared := h.BTF.Same.Get()
	switch {
	case known && !built:
		return &CannotObserve{
			Missing: "no BTF: kernel " + h.Release + " was built without, and no file can stand for it",
			WayOut:  "boot a kernel built with " + without + ", as those of the distributions are",
		}
	case h.BTF.File != "" && compared && !same:
		return &CannotObserve{
			Missing: h.BTF.File + " has the types of another kernel than this one, " + h.Release,
			WayOut:  "give --btf a copy of /sys/kernel/btf/vmlinux, or the vmlinux, of this very kernel",
		}
	case h.BTF.File != "" && !compared:
		// Programs load with the types of another kernel, and read what is not there.
		return &CannotObserve{
			Missing: h.BTF.File + " cannot be compared with this kernel's own types: it may be another one's",
			WayOut:  "mount sysfs on /sys, or add CAP_SYS_ADMIN, with which the kernel tells its types",
		}
	case h.BTF.File != "", h.BTF.Shown:
		return nil
	case known:
		return &CannotObserve{
			Missing: "no BTF: this kernel has it, but /sys/kernel/btf/vmlinux is not there",
			WayOut:  "mount sysfs on /sys, or give a copy of that file with --btf FILE",
		}
	default:
		return &CannotObserve{
			Missing: "no BTF: /sys/kernel/btf/vmlinux is not there",
			WayOut:  "mount sysfs on /sys, or give a copy of that file with --btf FILE; the kernel must be built with " + without,
		}
	}
}

// cannotLoad is the error of a host that passed its check and still refused every
// tier, with the reason of the lowest one.
func (h *Host) cannotLoad(reasons []TierReason) error {
	blind := &CannotObserve{
		Missing: "the kernel refused the programs",
		WayOut:  "`reusewatch doctor` says more",
		Err:     reasons[len(reasons)-1].Err,
	}
	if h.Lockdown == "" && h.Securityfs == NotMounted {
		blind.WayOut = "mount securityfs on /sys/kernel/security, and `reusewatch doctor` tells whether lockdown in confidentiality mode forbids them"
	}
	return blind
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
