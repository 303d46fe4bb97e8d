package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// live is the kernel side in one tier.
type live struct {
	*kernel.Kernel
	tier listener.Tier
}

// inTiers loads the kernel side in each of these tiers, all of the same opinion
// of the same listeners.
func inTiers(t *testing.T, opts kernel.Options, namespaces []*livetest.Namespace, tiers ...listener.Tier) []live {
	t.Helper()
	livetest.Root(t)
	var all []live
	for _, tier := range tiers {
		opts.Tier = tier
		if k := open(t, opts, namespaces...); k != nil {
			all = append(all, live{k, tier})
		}
	}
	if len(all) == 0 {
		t.Skip("the policy of this host forbids what this test needs; scripts/vm-test runs it")
	}
	return all
}

const (
	functions   = listener.TierFunctions
	tracepoints = listener.TierTracepoints
	queues      = listener.TierQueues
)

// open loads the kernel side in exactly this tier. It gives nil only for the
// functions tier, and only where a host's policy forbids its programs, which no
// VM of ours does.
func open(t *testing.T, opts kernel.Options, namespaces ...*livetest.Namespace) *kernel.Kernel {
	t.Helper()
	opts.Namespaces = func() ([]string, error) {
		var paths []string
		for _, ns := range namespaces {
			paths = append(paths, ns.Path)
		}
		return paths, nil
	}
	k, err := kernel.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	tier, reasons, lost := k.Tier()
	if tier != opts.Tier {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		if opts.Tier != functions || !forbidden(reasons) {
			t.Fatalf("tier %s runs, not %s: %+v", tier, opts.Tier, reasons)
		}
		return nil
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	if len(lost) > 0 {
		t.Errorf("signals lost: %+v", lost)
	}
	return k
}

// look looks at everything and gives the samples by the socket's inode.
func look(t *testing.T, k live) (listener.Look, map[uint64]listener.Sample) {
	t.Helper()
	l, err := k.Look(listener.LookAll)
	if err != nil {
		t.Fatal(err)
	}
	return l, byInode(l)
}

func byInode(l listener.Look) map[uint64]listener.Sample {
	samples := make(map[uint64]listener.Sample, len(l.Samples))
	for _, s := range l.Samples {
		if s.Inode != 0 {
			samples[s.Inode] = s
		}
	}
	return samples
}

// sampleOf looks at everything and gives the sample of l, which must be there.
func sampleOf(t *testing.T, k live, l *livetest.Listener) listener.Sample {
	t.Helper()
	_, samples := look(t, k)
	s, there := samples[l.Inode]
	if !there {
		t.Fatalf("no sample of the listener on %s", l.Addr)
	}
	return s
}
