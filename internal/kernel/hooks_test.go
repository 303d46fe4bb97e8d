package kernel_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// If a hook is missing, its signal is unknown and nothing else changes. If its tier needs the
// hook, the tier below runs and says why.
func TestHookMissing(t *testing.T) {
	livetest.Root(t)
	inFunctions, inTracepoints := kernel.Hooks()
	f := &field{t: t}
	all := kernel.Options{Namespaces: f.look, Count: kernel.CountAlways}.Sharing(btf.NewCache())
	whole := openHighest(t, all)
	if _, reasons, _ := whole.Tier(); len(reasons) > 0 && excused(t, reasons) == "" {
		t.Fatalf("tier %s because %+v", whole.tier, reasons)
	}
	lacking := make(map[kernel.Signal]live)
	for signal := range inFunctions {
		if signal != kernel.SignalBirths && whole.tier != functions {
			continue // nothing of that tier is there to be missed
		}
		lacking[signal] = openHighest(t, all.WithoutHook(signal))
	}

	ns := f.netns(t)
	ns.Sysctl("net.ipv4.tcp_migrate_req", "1")
	group := ns.Group(3, livetest.Listen{})
	ns.DialMany(60, livetest.Dial{To: group[0].Dest(livetest.V4)})
	livetest.AwaitQueue(60, group...)
	group[0].Close() // those who waited there are adopted by the others
	for range 5 {
		group[1].Accept()
	}

	for signal, k := range lacking {
		t.Run(string(signal), func(t *testing.T) {
			want := whole.tier
			if signal == kernel.SignalBirths {
				want = queues
			} else if inFunctions[signal] {
				want = tracepoints
			}
			_, reasons, lost := k.Tier()
			if k.tier != want {
				t.Fatalf("tier %s because %+v, want %s", k.tier, reasons, want)
			}
			if k.tier != whole.tier {
				expectReason(t, reasons[len(reasons)-1].Err)
				if _, there := inTracepoints[signal]; !there && k.tier == tracepoints && len(lost) > 0 {
					t.Errorf("lost %+v, which that tier does not use", lost)
				}
				return
			}
			if len(lost) != 1 || lost[0].Signal != signal {
				t.Fatalf("lost %+v, want %s", lost, signal)
			}
			expectReason(t, lost[0].Err)
			var adopted uint64
			for _, l := range group[1:] {
				s := sampleOf(t, whole, l)
				expectOnlyUnknown(t, signal, s, sampleOf(t, k, l))
				n, _ := s.Adopted.Get()
				adopted += n
			}
			if adopted == 0 {
				t.Error("nothing was adopted: this test sees too little")
			}
		})
	}
}

// openHighest opens the highest tier that there is.
func openHighest(t *testing.T, opts kernel.Options) live {
	t.Helper()
	k, err := kernel.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := k.Enter(); err != nil {
		t.Fatal(err)
	}
	tier, _, _ := k.Tier()
	return live{k, tier}
}

// expectReason wants the error to be that of the kernel for a hook that it does not have.
func expectReason(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, btf.ErrNotFound) && !errors.Is(err, ebpf.ErrNotSupported) {
		t.Errorf("because %v, want that there is no such hook", err)
	}
}

// expectOnlyUnknown compares two samples of one listener, taken one after the other.
func expectOnlyUnknown(t *testing.T, signal kernel.Signal, whole, lacking listener.Sample) {
	t.Helper()
	unknown := listener.Maybe[uint64]{}
	was := whole
	switch signal {
	case kernel.SignalSYNs:
		was.SYNs, was.SYNsFull = listener.CountOf(unknown), listener.CountOf(unknown)
	case kernel.SignalSelected:
		was.Selected = listener.CountOf(unknown)
	case kernel.SignalAdopted:
		was.Adopted = listener.CountOf(unknown)
	default:
		t.Fatalf("%s is no signal that a tier does without", signal)
	}
	if reflect.DeepEqual(was, whole) {
		t.Errorf("%s is unknown even with its hook: %+v", signal, whole)
	}
	// These depend on when and how often somebody looked.
	for _, s := range []*listener.Sample{&was, &lacking} {
		s.OldestWait, s.ListenedAt = listener.Rare[time.Duration]{}, listener.Rare[time.Time]{}
		s.WaitersKnown, s.Waiters = false, nil
	}
	if !reflect.DeepEqual(was, lacking) {
		t.Errorf("without %s:\n%+v, want\n%+v", signal, lacking, was)
	}
}
