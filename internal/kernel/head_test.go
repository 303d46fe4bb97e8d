package kernel_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// A prober that always comes from one port, met by SYN cookies: slabs hand out
// the same request at once and cookies leave no time behind, so that all but the
// sequence numbers is often the same. Its heads must differ all the same when an
// accept lies between two looks, and agree when none does.
func testHeadOfAProber(t *testing.T, f *field) {
	cookies := map[string]string{"net.ipv4.tcp_syncookies": "2"}
	cases := []struct {
		name    string
		family  livetest.Family
		sysctls map[string]string
		rounds  int
	}{
		{"syn cookies", livetest.V4, cookies, 300},
		{"syn cookies v6", livetest.V6, cookies, 100},
		{"plain", livetest.V4, nil, 100},
	}
	trapped := 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ns := f.netns(t)
			for name, value := range c.sysctls {
				ns.Sysctl(name, value)
			}
			l := ns.Listen(livetest.Listen{Family: c.family})
			d := livetest.Dial{To: l.Dest(c.family), From: netip.AddrPortFrom(l.Dest(c.family).Addr(), 40001)}
			heads := make(map[listener.Head]bool)
			var last listener.Head
			alike := 0
			for round := range c.rounds {
				prober := ns.Dial(d)
				head := oneHead(t, inRound(f.kernels, round), l)
				if heads[head] {
					t.Errorf("a head that was accepted is there again: %+v", head)
				}
				heads[head] = true
				if head.Remote != d.From {
					t.Errorf("the head comes from %s, want %s", head.Remote, d.From)
				}
				bare := head
				bare.RcvISN, bare.SndISN = last.RcvISN, last.SndISN
				if bare == last {
					alike++
				}
				last = head
				l.Accept()
				prober.Reset()
			}
			t.Logf("%d of %d heads were like the one before but for their sequence numbers", alike, c.rounds)
			trapped += alike
		})
	}
	if trapped == 0 {
		t.Error("no head was like the one before: this test has lost its point")
	}
}

// inRound leaves the queues tier out of most rounds: its iterator passes over
// the host's whole table of connections.
func inRound(kernels []live, round int) []live {
	return slices.DeleteFunc(slices.Clone(kernels), func(k live) bool { return k.tier == queues && round%10 != 0 })
}

// oneHead looks in each tier, in the first one twice; all must see one and the
// same head. Its client may be connected before its last ACK has got through.
func oneHead(t *testing.T, kernels []live, l *livetest.Listener) listener.Head {
	t.Helper()
	livetest.AwaitQueue(1, l)
	var head listener.Head
	for _, k := range append(slices.Clone(kernels), kernels[0]) {
		s := sampleOf(t, k, l)
		if s.Queue != 1 || s.Head.Request == 0 {
			t.Fatalf("%s: %d wait, head %+v", k.tier, s.Queue, s.Head)
		}
		if head.Request == 0 {
			head = s.Head
		}
		if s.Head != head {
			t.Fatalf("%s: head %+v, while nobody accepts; it was %+v", k.tier, s.Head, head)
		}
	}
	return head
}

// While nobody accepts the head stays the same, whichever clients come and go, its own one
// among them.
func testHeadStays(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{})
	first := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	var head listener.Head
	for round := range 50 {
		livetest.AwaitQueue(round+1, l)
		for _, k := range inRound(f.kernels, round) {
			s := sampleOf(t, k, l)
			if round == 0 && head.Request == 0 {
				head = s.Head
			}
			if s.Head != head || int(s.Queue) != l.Queue() {
				t.Fatalf("%s, round %d: %d wait, head %+v; want %d, %+v", k.tier, round, s.Queue, s.Head, l.Queue(), head)
			}
		}
		c := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
		switch {
		case round == 20:
			first.Reset()
		case round%2 == 0:
			c.Reset()
		}
	}
	l.Accept()
	for _, k := range f.kernels {
		if s := sampleOf(t, k, l); s.Head == head {
			t.Errorf("%s: the same head after an accept", k.tier)
		}
	}
}
