package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

func newDoctor(std streams, fs proc.FS) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host allows reusewatch to see, and what to do about the rest",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return doctor(std.out, fs) },
	}
}

// doctor reports what it can, then fails as any other command would.
func doctor(w io.Writer, fs proc.FS) error {
	host, err := kernel.Inspect()
	if err != nil {
		return err
	}
	tellHost(w, host)
	k, err := kernel.Open(kernel.Options{Namespaces: func() ([]string, error) { return netnsPaths(fs, &scope{}) }})
	if err != nil {
		var blind *kernel.CannotObserve
		if errors.As(err, &blind) {
			line(w, "tier", "none: %s", blind.Missing)
			line(w, "way out", "%s", blind.WayOut)
		}
		return err
	}
	defer k.Close()
	tellTier(w, k)
	_, denied, err := fs.NetNamespaces()
	if err == nil && len(denied) > 0 {
		line(w, "namespaces", "processes that may not be looked into: %v; listeners older than reusewatch that only they have stay unseen", denied)
	}
	return nil
}

func line(w io.Writer, name, format string, args ...any) {
	fmt.Fprintf(w, "%-13s %s\n", name, proc.Printable(fmt.Sprintf(format, args...)))
}

func tellHost(w io.Writer, h kernel.Host) {
	line(w, "kernel", "%s %s (needs %s or newer)", h.Release, h.Machine, kernel.Floor)
	line(w, "BTF", "%s", has(h.BTF, "/sys/kernel/btf/vmlinux"))
	lockdown := h.Lockdown
	if lockdown == "" {
		lockdown = "not told by this kernel"
	}
	line(w, "lockdown", "%s", lockdown)
	line(w, "pid namespace", "%s", has(h.HostPIDs, "the host's"))
	for _, c := range h.Capabilities {
		line(w, "capability", "%s (%s)", has(c.Has, c.Name), c.For)
	}
}

func has(is bool, what string) string {
	if is {
		return what
	}
	return "missing: " + what
}

// unseen says what is lost in a tier.
func unseen(t listener.Tier) string {
	switch t {
	case listener.TierTracepoints:
		return "SYNs, reuseport selections and adopted connections are unknown; queued counts MPTCP joins too; counting costs more, so it is on for suspected groups only (--count)"
	case listener.TierQueues:
		return "no births and deaths between two looks, no counters; a sibling counts as accepting only if its head changed"
	default:
		return "nothing"
	}
}

func tellTier(w io.Writer, k *kernel.Kernel) {
	tier, reasons, lost := k.Tier()
	line(w, "tier", "%s", tier)
	for _, r := range reasons {
		line(w, "not "+string(r.Tier), "%s", r.Err)
	}
	line(w, "lost", "%s", unseen(tier))
	for _, l := range lost {
		line(w, "lost", "%s: %s: %s", l.Signal, l.Target, l.Err)
	}
	var hints []string
	if tier != listener.TierFunctions {
		hints = append(hints, "stuck listeners are found all the same; for the functions tier allow fentry and fexit (a security policy forbids them where the reason is \"operation not permitted\" to root; on arm64 they need 6.4)")
	}
	if len(hints) == 0 {
		hints = append(hints, "nothing to do")
	}
	line(w, "way out", "%s", strings.Join(hints, "; "))
}
