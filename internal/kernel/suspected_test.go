package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestCountSuspected counts only the groups that are suspected.
func TestCountSuspected(t *testing.T) {
	livetest.Root(t)
	f := &field{t: t}
	ns := f.netns(t)
	old := ns.Group(2, livetest.Listen{})
	f.load(kernel.Options{Count: kernel.CountSuspected}, functions, tracepoints)
	for _, k := range f.kernels {
		if err := k.Enter(); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("known and unknown", func(t *testing.T) { testCountingOnSuspicion(t, f, ns, old) })
	t.Run("counted since", func(t *testing.T) { testCountedSince(t, f) })
}

// If only suspected groups are counted, other counts are unknown, and those that a tier has
// no hook for stay so: never 0.
func testCountingOnSuspicion(t *testing.T, f *field, ns *livetest.Namespace, old []*livetest.Listener) {
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			fresh := ns.Group(2, livetest.Listen{})
			other := ns.Group(2, livetest.Listen{})
			all := [][]*livetest.Listener{old, fresh, other}
			connect := func(n int) {
				for _, g := range all {
					before := g[0].Queue() + g[1].Queue()
					ns.DialMany(n, livetest.Dial{To: g[0].Dest(livetest.V4)})
					livetest.AwaitQueue(before+n, g...)
				}
			}
			const unknown = -1
			steps := []struct {
				name    string
				counted [][]*livetest.Listener
				queued  [3]int // of old, fresh, other
			}{
				{"nobody is suspected", nil, [3]int{unknown, unknown, unknown}},
				{"two groups are", [][]*livetest.Listener{old, fresh}, [3]int{20, 20, unknown}},
				{"one of them no longer", [][]*livetest.Listener{fresh}, [3]int{unknown, 40, unknown}},
				{"another one is", [][]*livetest.Listener{fresh, other}, [3]int{unknown, 60, 20}},
				{"nobody is again", nil, [3]int{unknown, unknown, unknown}},
			}
			for _, s := range steps {
				setCounted(t, k, s.counted)
				connect(20)
				_, samples := look(t, k)
				for i, g := range all {
					checkCounted(t, s.name, k.tier, g, samples, s.queued[i])
				}
			}
		})
	}
}

func setCounted(t *testing.T, k live, groups [][]*livetest.Listener) {
	t.Helper()
	_, samples := look(t, k)
	var counted []listener.Sample
	for _, g := range groups {
		for _, l := range g {
			counted = append(counted, samples[l.Inode])
		}
	}
	if err := k.SetCounted(places(counted...)); err != nil {
		t.Fatal(err)
	}
}

// places are listeners, each with its network namespace.
func places(samples ...listener.Sample) map[listener.Key]uint32 {
	in := make(map[listener.Key]uint32)
	for _, s := range samples {
		in[s.Key] = s.Netns
	}
	return in
}

// checkCounted compares the sum over a group with what it must be, negative for
// unknown.
func checkCounted(
	t *testing.T, step string, tier listener.Tier, g []*livetest.Listener,
	samples map[uint64]listener.Sample, queued int,
) {
	t.Helper()
	var sums [3]int
	for _, l := range g {
		s := samples[l.Inode]
		for i, m := range []listener.Count{s.Queued, s.SYNs, s.Selected} {
			n, known := m.Get()
			if want := queued >= 0 && (i == 0 || tier == functions); known != want {
				t.Fatalf("%s: counter %d of %s known is %v, want %v", step, i, l.Addr, known, want)
			}
			sums[i] += int(n)
		}
		if s.Adopted.IsKnown() != (queued >= 0 && tier == functions) {
			t.Errorf("%s: adopted known is %v", step, s.Adopted.IsKnown())
		}
	}
	if queued < 0 {
		return
	}
	want := [3]int{queued, 0, 0}
	if tier == functions {
		want = [3]int{queued, queued, queued}
	}
	if sums != want {
		t.Errorf("%s: %d queued, %d SYNs, %d selected; want %d", step, sums[0], sums[1], sums[2], want)
	}
}
