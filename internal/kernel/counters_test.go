package kernel_test

import (
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// counts of one listener, -1 where unknown.
type counts struct{ SYNs, Selected, Queued, Accepted, Adopted, Queue int }

func countsOf(l *listener.Listener) counts {
	number := func(m listener.Maybe[uint64]) int {
		if n, known := m.Get(); known {
			return int(n)
		}
		return -1
	}
	return counts{
		SYNs: number(l.SYNs.Maybe()), Selected: number(l.Selected.Maybe()), Queued: number(l.Queued.Maybe()),
		Accepted: number(l.Accepted.Maybe()), Adopted: number(l.Adopted.Maybe()), Queue: int(l.Queue),
	}
}

func (c *counts) add(other counts) {
	c.SYNs += other.SYNs
	c.Selected += other.Selected
	c.Queued += other.Queued
	c.Accepted += other.Accepted
	c.Adopted += other.Adopted
	c.Queue += other.Queue
}

// Every connection of every kind is counted once, by the listener that it came to. The
// functions tier is exact. The tracepoints tier takes MPTCP joins for connections, misses
// runs that the kernel says it skipped, and what it has no hook for is unknown.
func testCounts(t *testing.T, f *field) {
	watched := f.watch(t)
	var connected atomic.Int64
	// This is called when the parallel tests have ended.
	t.Cleanup(func() {
		if livetest.Fact("connections", connected.Load()); connected.Load() < 10000 {
			t.Errorf("only %d connections", connected.Load())
		}
	})
	for _, tr := range trafficKinds() {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			c := tr.run(t)
			connected.Add(int64(c.connected))
			for tier, w := range watched {
				t.Run(string(tier), func(t *testing.T) { c.check(t, tier, w) })
			}
		})
	}
}

func (c *carried) check(t *testing.T, tier listener.Tier, w watching) {
	var sum counts
	snap := w.now(t)
	skipped := 0
	if tier == tracepoints {
		skipped = w.skipped(t)
	}
	for i, m := range c.members {
		l := find(t, snap, m)
		got := countsOf(l)
		sum.add(got)
		want, plain := c.wantFunctions(i, got), c.wantPlain(i, tier)
		if tier == tracepoints {
			want = c.wantTracepoints(i, got)
		}
		if short := want.Queued - got.Queued; short > 0 && short <= skipped {
			t.Logf("member %d: %d short; the kernel skipped %d runs", i, short, skipped)
			want.Queued, want.Accepted, plain = got.Queued, want.Accepted-short, plain-uint64(short)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("member %d (-want +got):\n%s", i, diff)
		}
		if l.QueuedPlain != listener.Counted(plain) {
			t.Errorf("member %d: %v of plain TCP, want %d", i, l.QueuedPlain, plain)
		}
	}
	if tier == functions && (sum.SYNs != c.syns || sum.Queued != c.connected) {
		t.Errorf("%d SYNs, %d queued; want %d, %d", sum.SYNs, sum.Queued, c.syns, c.connected)
	}
	if short := c.connected + c.joined - sum.Queued; tier == tracepoints && (short < 0 || short > skipped) {
		t.Errorf("%d queued; want %d and %d joins, but for %d runs that the kernel skipped",
			sum.Queued, c.connected, c.joined, skipped)
	}
}

// wantFunctions is what the functions tier must say of a member. Where SYNs were
// sent again, or belonged to joins, only the group can tell how many: then they
// need only agree with what the group's hash selected.
func (c *carried) wantFunctions(member int, got counts) counts {
	syns := got.SYNs
	if c.syns == c.connected {
		syns = c.queued[member]
	}
	w := counts{
		SYNs: syns, Selected: syns, Queued: c.queued[member], Accepted: c.accepted[member],
		Queue: c.queued[member] - c.accepted[member],
	}
	if len(c.members) == 1 {
		w.Selected = 0 // no group, no hash
	}
	return w
}

// wantPlain checks the connections that surely are no joins, where joins look like them.
func (c *carried) wantPlain(member int, tier listener.Tier) uint64 {
	if tier == tracepoints && c.joined > 0 {
		return 0
	}
	return uint64(c.queued[member])
}

func (c *carried) wantTracepoints(member int, got counts) counts {
	w := counts{
		SYNs: -1, Selected: -1, Adopted: -1, Queued: c.queued[member], Accepted: c.accepted[member],
		Queue: c.queued[member] - c.accepted[member],
	}
	if c.joined > 0 {
		w.Queued, w.Accepted = got.Queued, got.Queued-w.Queue
	}
	return w
}

func testQueuesTierCountsNothing(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{})
	for _, k := range f.kernels {
		if k.tier != queues {
			continue
		}
		if err := k.SetCounted(places(sampleOf(t, k, l))); err != nil {
			t.Fatal(err)
		}
		ns.DialMany(3, livetest.Dial{To: l.Dest(livetest.V4)})
		livetest.AwaitQueue(3, l)
		s := sampleOf(t, k, l)
		for i, c := range []listener.Count{s.Queued, s.SYNs, s.SYNsFull, s.Selected, s.Adopted} {
			if n, known := c.Maybe().Get(); known {
				t.Errorf("counter %d is %d", i, n)
			}
		}
		if s.Queue != 3 {
			t.Errorf("%d wait, want 3", s.Queue)
		}
	}
}
