package kernel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Connections that a closed member leaves to its sibling are adopted there,
// never queued a second time; once accepted they count like any other.
func testAdopted(t *testing.T, f *field) {
	const each = 40
	cases := []struct {
		name    string
		listen  livetest.Listen
		dial    livetest.Dial
		sysctls map[string]string
		counter string // of TcpExt, that shows what the traffic was
	}{
		{name: "plain"},
		{name: "v6", listen: livetest.Listen{Family: livetest.V6}},
		{name: "syn cookies", sysctls: map[string]string{"net.ipv4.tcp_syncookies": "2"}, counter: "SyncookiesRecv"},
		{
			name: "fast open", listen: livetest.Listen{FastOpen: 4096}, dial: livetest.Dial{Word: true, FastOpen: true},
			sysctls: map[string]string{"net.ipv4.tcp_fastopen": "3"}, counter: "TCPFastOpenPassive",
		},
	}
	watched := f.watch(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ns := f.netns(t)
			ns.Sysctl("net.ipv4.tcp_migrate_req", "1")
			for name, value := range c.sysctls {
				ns.Sysctl(name, value)
			}
			group := ns.Group(2, c.listen)
			dying, heir := group[0], group[1]
			c.dial.To = heir.Dest(c.listen.Family)
			for range each {
				ns.Dial(c.dial) // stays: one that its client has left would do as well
			}
			if c.counter != "" && ns.Counter("TcpExt", c.counter) < each-1 {
				t.Fatalf("%s is %d after %d connections", c.counter, ns.Counter("TcpExt", c.counter), each)
			}
			livetest.AwaitQueue(each, group...)
			left, own := dying.Queue(), heir.Queue()
			if left == 0 || own == 0 {
				t.Fatalf("%d and %d wait", left, own)
			}
			dying.Close()
			if heir.Queue() != each {
				t.Fatalf("%d wait with the heir, want %d", heir.Queue(), each)
			}
			check := func(step string, accepted int) {
				t.Helper()
				for tier, w := range watched {
					got := countsOf(find(t, w.now(t), heir))
					want := counts{
						SYNs: own, Selected: own, Queued: own, Adopted: left, Accepted: accepted, Queue: each - accepted,
					}
					if tier == tracepoints {
						// It has no counter of adoptions, so it may miss the accepts that follow one.
						want.SYNs, want.Selected, want.Adopted = -1, -1, -1
						want.Accepted = max(0, accepted-left)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s, %s (-want +got):\n%s", tier, step, diff)
					}
				}
			}
			check("adopted", 0)
			for range each {
				heir.Accept()
			}
			check("accepted", each)
		})
	}
}

// A half-open connection whose member closes is queued with the sibling once it is complete.
// It is queued for the first time then, and so is not adopted.
func testHalfOpen(t *testing.T, f *field) {
	const each = 40
	watched := f.watch(t)
	ns := f.netns(t)
	ns.Sysctl("net.ipv4.tcp_migrate_req", "1")
	group := ns.Group(2, livetest.Listen{DeferAccept: 30})
	dying, heir := group[0], group[1]
	clients := ns.DialMany(each, livetest.Dial{To: heir.Dest(livetest.V4)})
	dying.Close()
	for _, c := range clients {
		c.Send()
	}
	livetest.Eventually(t, "all are complete", func() bool { return heir.Queue() == each })
	if moved := ns.Counter("TcpExt", "TCPMigrateReqSuccess"); moved == 0 || moved == each {
		t.Fatalf("%d of %d moved", moved, each)
	}
	for tier, w := range watched {
		got := countsOf(find(t, w.now(t), heir))
		want := counts{SYNs: got.SYNs, Selected: got.Selected, Queued: each, Queue: each}
		if tier == tracepoints {
			want.Adopted = -1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tier, diff)
		}
	}
}
