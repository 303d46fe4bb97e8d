package cli

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
)

// tellHost says what is there. What is missing and needed, Open refuses with its way
// out; of what is often taken to be needed it says why it costs nothing.
func tellHost(w io.Writer, h *kernel.Host) {
	line(w, "kernel", "%s %s (needs %s or newer)", h.Release, h.Machine, kernel.Floor)
	if h.TooOld() {
		return // the rest is true of the kernels that it runs on
	}
	line(w, "BTF", "%s", types(&h.BTF))
	line(w, "lockdown", "%s", lockdown(h))
	line(w, "pid namespace", "%s", has(h.HostPIDs, "the host's"))
	for _, c := range h.Capabilities {
		line(w, "capability", "%s (%s)", has(c.Has, c.Name), c.For)
	}
	line(w, "half-open", "%s", handshakes(h))
	line(w, "kptr_restrict", "%s: costs nothing, symbols are named in the kernel", kptrRestrict(h))
	line(w, "memlock", "%s: costs nothing, the memory of BPF is charged to the cgroup", memlock(h.Memlock))
	line(w, "tracefs", "%s: not needed, tracepoints are found by their types", h.Tracefs)
	line(w, "bpffs", "%s: not needed, nothing is pinned", h.BPFFS)
}

func has(is bool, what string) string {
	if is {
		return what
	}
	return "missing: " + what
}

func types(b *kernel.BTF) string {
	const shown = "/sys/kernel/btf/vmlinux"
	same, compared := b.Same.Get()
	switch {
	case b.File == "":
		return has(b.Shown, shown)
	case !compared:
		return b.File + ": not comparable with the kernel's own"
	case same:
		return b.File + ": the same as the kernel's own"
	default:
		return b.File + ": of another kernel"
	}
}

func lockdown(h *kernel.Host) string {
	switch h.Lockdown {
	case "integrity":
		return "integrity: costs nothing, kernel memory may be read"
	case "confidentiality":
		return "confidentiality: kernel memory may not be read"
	case "":
		if h.Securityfs == kernel.NotMounted {
			return "unknown, securityfs is not mounted: the tier below shows whether programs load"
		}
		return "none: this kernel has no lockdown"
	default:
		return h.Lockdown
	}
}

// handshakes says what an act does with the handshakes that it meets.
func handshakes(h *kernel.Host) string {
	if h.MovesHalfOpen() {
		return "handshakes that an act meets are moved to other members: this kernel has the mends for that"
	}
	return "handshakes that an act meets are let go, their clients try again or are reset; those who wait to be accepted are moved: " +
		"this kernel is not known to move handshakes without fault (" + h.Version + ")"
}

func kptrRestrict(h *kernel.Host) string {
	if n, known := h.KptrRestrict.Get(); known {
		return fmt.Sprint(n)
	}
	return "unknown"
}

func memlock(limit uint64) string {
	switch {
	case limit == unix.RLIM_INFINITY:
		return "unlimited"
	case limit >= 1<<20 && limit%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", limit>>20)
	case limit >= 1<<10 && limit%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", limit>>10)
	default:
		return fmt.Sprintf("%d bytes", limit)
	}
}
