package kernel_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// placed is a listener with its namespace and its settings.
type placed struct {
	*livetest.Listener
	ns   *livetest.Namespace
	opts livetest.Listen
}

func place(ns *livetest.Namespace) []placed {
	var all []placed
	for _, o := range []livetest.Listen{
		{Backlog: 5},
		{Family: livetest.V6, Backlog: 6},
		{Family: livetest.Dual, Backlog: 7},
		{MPTCP: true, Backlog: 8},
		{Family: livetest.Dual, MPTCP: true, Backlog: 9},
		{Device: "lo", Backlog: 10},
	} {
		all = append(all, placed{ns.Listen(o), ns, o})
	}
	for _, o := range []livetest.Listen{{Backlog: 11}, {Family: livetest.V6, Backlog: 12}} {
		o.Reuseport = true
		for _, l := range ns.Group(3, o) {
			all = append(all, placed{l, ns, o})
		}
	}
	return all
}

// want is the sample that the listener must show while nothing has happened to
// it. What no test can know is copied from got.
func (p *placed) want(got listener.Sample) listener.Sample {
	w := listener.Sample{
		Key: got.Key, Cookie: listener.Cookie(p.Cookie), Inode: p.Inode, Group: got.Group,
		Netns: p.ns.Inode, NetCookie: p.NetCookie, Local: p.Addr, V6Only: p.opts.Family == livetest.V6,
		Reuseport: p.opts.Reuseport, MPTCP: p.opts.MPTCP, Backlog: uint32(p.opts.Backlog),
		Dropped: listener.Counted(0), Settings: listener.Rarely(listener.Settings{IncomingCPU: -1}),
	}
	if p.opts.Reuseport {
		w.GroupSize = 3
	}
	if p.opts.MPTCP {
		w.Cookie = got.Cookie // the descriptor's is the MPTCP socket's own
	}
	if p.opts.Device == "lo" {
		w.Device = 1
	}
	return w
}

func compareSamples() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b listener.Count) bool { return a == b }),
		cmp.Comparer(func(a, b listener.Rare[listener.Settings]) bool { return a.Maybe() == b.Maybe() }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
		// Counters and times have tests of their own.
		cmpopts.IgnoreFields(listener.Sample{}, "ListenedAt", "OldestWait", "WaitersKnown", "Waiters",
			"SYNs", "SYNsFull", "Selected", "Queued", "QueuedPlain", "Adopted"),
	}
}

// oldListeners were there before the kernel side was loaded.
type oldListeners struct {
	first, second *livetest.Namespace
	hidden        *livetest.Namespace // the kernel side cannot find this one
	seen          []placed
	held, unseen  []placed           // in it: by way of descriptors, and not
	waited        *livetest.Listener // three clients waited already
}

func newOldListeners(t *testing.T, f *field) *oldListeners {
	o := &oldListeners{first: f.netns(t), second: f.netns(t), hidden: livetest.Netns(t)}
	o.seen = append(place(o.first), place(o.second)...)
	for _, p := range place(o.hidden) {
		if p.opts.MPTCP {
			o.unseen = append(o.unseen, p)
		} else {
			o.held = append(o.held, p)
		}
	}
	o.waited = o.first.Listen(livetest.Listen{})
	o.first.DialMany(3, livetest.Dial{To: o.waited.Dest(livetest.V4)})
	livetest.AwaitQueue(3, o.waited)
	return o
}

// Listeners that were there before, in each network namespace that can be found,
// and those born later in any: all are seen, with every property.
func (o *oldListeners) testAllNamespaces(t *testing.T, f *field) {
	after := append(place(o.first), place(o.second)...)
	later := place(o.hidden)
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			l, samples := look(t, k)
			if !l.Complete || l.Listeners < len(o.seen)+len(after) {
				t.Errorf("complete is %v with %d listeners", l.Complete, l.Listeners)
			}
			// Births are seen everywhere, and all but MPTCP listeners that a process holds.
			seen, born := slices.Concat(o.seen, o.held), slices.Concat(after, later)
			absent := o.unseen
			if k.tier == queues {
				seen, born, absent = o.seen, after, slices.Concat(o.held, o.unseen, later)
			}
			checkSamples(t, samples, seen, false)
			checkSamples(t, samples, born, k.tier != queues)
			for _, p := range absent {
				if s, there := samples[p.Inode]; there {
					t.Errorf("a listener of a namespace that nobody told of: %+v", s)
				}
			}
		})
	}
}

func checkSamples(t *testing.T, samples map[uint64]listener.Sample, all []placed, birthSeen bool) {
	t.Helper()
	type place struct {
		ns   *livetest.Namespace
		addr netip.AddrPort
	}
	groups := make(map[place]listener.GroupKey)
	for _, p := range all {
		got, there := samples[p.Inode]
		if !there {
			t.Errorf("no sample of %+v on %s", p.opts, p.Addr)
			continue
		}
		if diff := cmp.Diff(p.want(got), got, compareSamples()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", p.opts, diff)
		}
		if got.ListenedAt.IsKnown() != birthSeen {
			t.Errorf("%s: time of listen() known is %v", p.Addr, !birthSeen)
		}
		if got.Cookie == 0 || got.Key == 0 || p.opts.Reuseport != (got.Group != 0) {
			t.Errorf("%s: cookie %s, key %x, group %x", p.Addr, got.Cookie, got.Key, got.Group)
		}
		group, known := groups[place{p.ns, p.Addr}]
		if known && group != got.Group {
			t.Errorf("members on %s are in two groups", p.Addr)
		}
		groups[place{p.ns, p.Addr}] = got.Group
	}
}

// Clients that waited before the counting began are counted once. That none were accepted
// is not known of a listener that was there before: -1.
func (o *oldListeners) testAccepted(t *testing.T, f *field) {
	watched := f.watch(t)
	steps := []struct{ connect, accept, queued, accepted int }{
		{0, 0, 0, -1}, {5, 0, 5, -1}, {0, 8, 5, 8}, {4, 2, 9, 10},
	}
	for i, s := range steps {
		before := o.waited.Queue()
		o.first.DialMany(s.connect, livetest.Dial{To: o.waited.Dest(livetest.V4)})
		livetest.AwaitQueue(before+s.connect, o.waited)
		for range s.accept {
			o.waited.Accept()
		}
		waiting := o.waited.Queue()
		for tier, w := range watched {
			got := countsOf(find(t, w.now(t), o.waited))
			if got.Queued != s.queued || got.Accepted != s.accepted || got.Queue != waiting {
				t.Errorf("%s, step %d: %+v; want %d queued, %d accepted, %d waiting", tier, i, got, s.queued, s.accepted, waiting)
			}
		}
	}
}
