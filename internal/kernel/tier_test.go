package kernel_test

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// The highest tier that attaches is the one that runs; whatever is above it has
// a reason.
func TestTier(t *testing.T) {
	livetest.Root(t)
	cases := []struct {
		name  string
		opts  kernel.Options
		tier  listener.Tier
		above int // how many tiers have a reason not to run
		count kernel.Count
	}{
		{"highest", kernel.Options{}, functions, 0, kernel.CountAlways},
		{"tracepoints", kernel.Options{Tier: tracepoints}, tracepoints, 1, kernel.CountSuspected},
		{
			"tracepoints, always", kernel.Options{Tier: tracepoints, Count: kernel.CountAlways},
			tracepoints, 1, kernel.CountAlways,
		},
		{"queues", kernel.Options{Tier: queues}, queues, 2, ""},
		{"only to look", kernel.Options{LookOnly: true}, queues, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k, err := kernel.Open(c.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			tier, reasons, lost := k.Tier()
			if c.tier == functions && excused(t, reasons) != "" {
				c.tier, c.above, c.count = tracepoints, 1, kernel.CountSuspected
			}
			if tier != c.tier || len(reasons) != c.above || len(lost) > 0 {
				t.Errorf("tier %s because %+v, without %+v; want %s, %d reasons", tier, reasons, lost, c.tier, c.above)
			}
			if c.name == "highest" {
				livetest.Fact("tier", tier)
			}
			if k.Counting() != c.count {
				t.Errorf("counts %q, want %q", k.Counting(), c.count)
			}
			stats, err := k.Stats()
			if err != nil || len(stats) < 2 {
				t.Fatalf("statistics of %+v, %v", stats, err)
			}
			for _, s := range stats {
				if s.Name == "" || s.Instructions == 0 {
					t.Errorf("statistics %+v", s)
				}
			}
		})
	}
}

// excused says why the functions tier may be missing here: this kernel cannot have it
// (livetest.HighestTier), or a policy of the host forbids it, which nothing does in a VM
// of ours. It is "" where it is missing without an excuse.
func excused(t testing.TB, reasons []kernel.TierReason) string {
	t.Helper()
	if len(reasons) == 0 || reasons[0].Tier != functions {
		return ""
	}
	err := reasons[0].Err
	switch {
	case livetest.HighestTier(t) != string(functions) && errors.Is(err, ebpf.ErrNotSupported):
		return "this kernel cannot have the functions tier"
	case !livetest.InVM() && errors.Is(err, unix.EPERM):
		return "the policy of this host forbids the functions tier; scripts/vm-test runs it"
	default:
		return ""
	}
}
