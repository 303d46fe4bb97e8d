package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

func newDoctor(std streams) *cobra.Command {
	var from kernelFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host allows reusewatch to see, and what to do about the rest",
		Long: `doctor says what it found on this host, what each thing costs and the way out. It
tries what the other commands will do: it exits with 0 where they can observe, and
with 3 where they cannot.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return doctor(std.out, &from) },
	}
	from.addBTF(cmd.Flags())
	return cmd
}

// doctor reports what it can, then fails as any other command would.
func doctor(w io.Writer, from *kernelFlags) error {
	types, err := from.types()
	if err != nil {
		return err
	}
	host, err := kernel.Inspect(types)
	if err != nil {
		return err
	}
	tellHost(w, &host)
	k, err := kernel.Open(kernel.Options{
		Types: types, Namespaces: (&scope{}).namespaces,
	})
	if err != nil {
		var blind *kernel.CannotObserve
		if errors.As(err, &blind) {
			line(w, "tier", "none: %s", blind.Missing)
			if blind.Err != nil {
				line(w, "reason", "%s", blind.Err)
			}
			line(w, "way out", "%s", blind.WayOut)
		}
		return err
	}
	defer k.Close()
	tellTier(w, k)
	barred, err := k.Unreachable()
	if err != nil {
		return err
	}
	for _, n := range barred {
		line(w, "namespaces", "%s may not be entered; listeners older than reusewatch that only it has stay unseen", n)
	}
	return nil
}

func line(w io.Writer, name, format string, args ...any) {
	fmt.Fprintf(w, "%-15s %s\n", name, text.Printable(fmt.Sprintf(format, args...)))
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
