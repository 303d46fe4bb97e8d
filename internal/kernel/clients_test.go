package kernel_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// looking is the kernel side as explain loads it, and a namespace that it finds.
func looking(t *testing.T) (live, *livetest.Namespace) {
	t.Helper()
	livetest.Root(t)
	f := &field{t: t}
	f.load(kernel.Options{LookOnly: true}, queues)
	return f.kernels[0], f.netns(t)
}

// queueOf finds the listener by an iterator, as explain does, and walks its queue.
func queueOf(t *testing.T, k live, l *livetest.Listener, rows int) (listener.Clients, error) {
	t.Helper()
	all, err := k.LookQueues()
	if err != nil {
		t.Fatal(err)
	}
	s, there := byInode(all)[l.Inode]
	if !there {
		t.Fatalf("no sample of the listener on %s", l.Addr)
	}
	return k.Clients(&listener.Listener{Sample: s}, rows)
}

func send(t *testing.T, c *livetest.Conn, n int) {
	t.Helper()
	if _, err := unix.Write(c.FD, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// All clients are listed in the order in which they came, with what they sent and whether
// they have left.
func TestClients(t *testing.T) {
	k, ns := looking(t)
	for _, c := range []struct {
		name   string
		listen livetest.Listen
		from   livetest.Family
		mptcp  bool
		sysctl string // of tcp_syncookies
	}{
		{name: "v4"},
		{name: "v6", listen: livetest.Listen{Family: livetest.V6}, from: livetest.V6},
		{name: "v4 to a listener of both", listen: livetest.Listen{Family: livetest.Dual}},
		{name: "v6 to a listener of both", listen: livetest.Listen{Family: livetest.Dual}, from: livetest.V6},
		{name: "plain clients of an mptcp listener", listen: livetest.Listen{MPTCP: true}},
		{name: "in a group", listen: livetest.Listen{Reuseport: true}},
		{name: "syn cookies", sysctl: "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.sysctl != "" {
				ns.Sysctl("net.ipv4.tcp_syncookies", c.sysctl)
			}
			l := ns.Listen(c.listen)
			var want []listener.Client
			dial := func(unread uint32, gone listener.Gone) *livetest.Conn {
				conn := ns.Dial(livetest.Dial{To: l.Dest(c.from)})
				want = append(want, listener.Client{
					Remote: netip.AddrPortFrom(l.Dest(c.from).Addr(), conn.Port()),
					Unread: listener.Known(unread), Gone: gone,
				})
				livetest.AwaitQueue(len(want), l)
				return conn
			}
			before := time.Now()
			dial(0, listener.NotGone)
			send(t, dial(5, listener.NotGone), 5)
			after := time.Now()
			time.Sleep(300 * time.Millisecond)
			dial(0, listener.GoneFIN).Close()
			saidBye := dial(7, listener.GoneFIN)
			send(t, saidBye, 7)
			saidBye.Close()
			dial(0, listener.GoneRST).Reset()
			saidReset := dial(3, listener.GoneRST)
			send(t, saidReset, 3)
			saidReset.Reset()
			both := dial(4, listener.GoneRST)
			send(t, both, 4)
			if err := unix.Shutdown(both.FD, unix.SHUT_WR); err != nil {
				t.Fatal(err)
			}
			both.Reset()
			dial(0, listener.NotGone)

			got, err := queueOf(t, k, l, 100)
			if err != nil {
				t.Fatal(err)
			}
			all := listener.Clients{Oldest: want, Total: 8, Gone: 5}
			if diff := cmp.Diff(all, got, cmpopts.IgnoreFields(listener.Client{}, "Waited"), sameClients()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for i, w := range got.Oldest[:2] {
				if w.Waited < time.Since(after)-200*time.Millisecond || w.Waited > time.Since(before)+100*time.Millisecond {
					t.Errorf("client %d waited %v, by its own clock about %v", i, w.Waited, time.Since(before))
				}
			}

			// The first few, and the sums of all.
			if got, err = queueOf(t, k, l, 2); err != nil || len(got.Oldest) != 2 || got.Total != 8 || got.Gone != 5 {
				t.Errorf("2 of 8 clients: %+v, %v", got, err)
			}
			// An accepted client waits no more.
			l.Accept()
			if got, err = queueOf(t, k, l, 100); err != nil || got.Total != 7 || got.Oldest[0].Remote != want[1].Remote {
				t.Errorf("after an accept: %+v, %v", got, err)
			}
		})
	}
}

func sameClients() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
		cmp.Comparer(func(a, b listener.Maybe[uint32]) bool { return a == b }),
	}
}

// An MPTCP connection takes its bytes off the subflow unaccepted: how many they
// are is unknown, not 0.
func TestClientsOfMPTCP(t *testing.T) {
	k, ns := looking(t)
	l := ns.Listen(livetest.Listen{MPTCP: true})
	ns.Dial(livetest.Dial{To: l.Dest(livetest.V4), MPTCP: true, Word: true})
	livetest.AwaitQueue(1, l)
	got, err := queueOf(t, k, l, 10)
	if err != nil || got.Total != 1 || got.Gone != 0 || got.Oldest[0].Unread.IsKnown() {
		t.Errorf("%+v, %v", got, err)
	}
}

// A listener that has gone has no clients, nor has another socket at its address.
func TestClientsOfNobody(t *testing.T) {
	k, ns := looking(t)
	l := ns.Listen(livetest.Listen{})
	if got, err := queueOf(t, k, l, 10); err != nil || got.Total != 0 || len(got.Oldest) != 0 {
		t.Errorf("of an empty queue: %+v, %v", got, err)
	}
	ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	livetest.AwaitQueue(1, l)
	all, err := k.LookQueues()
	if err != nil {
		t.Fatal(err)
	}
	s := byInode(all)[l.Inode]
	other := s
	other.Cookie++
	if got, err := k.Clients(&listener.Listener{Sample: other}, 10); !errors.Is(err, kernel.ErrNotListening) {
		t.Errorf("with a wrong cookie: %+v, %v", got, err)
	}
	l.Shutdown()
	if got, err := k.Clients(&listener.Listener{Sample: s}, 10); !errors.Is(err, kernel.ErrNotListening) {
		t.Errorf("after its end: %+v, %v", got, err)
	}
}

// A queue that moves while it is walked gives no nonsense.
func TestClientsWhileAccepting(t *testing.T) {
	k, ns := looking(t)
	l := ns.Listen(livetest.Listen{})
	loopback := l.Dest(livetest.V4).Addr()
	for range 200 {
		ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
	}
	all, err := k.LookQueues()
	if err != nil {
		t.Fatal(err)
	}
	s := byInode(all)[l.Inode]
	l.Serve(livetest.Service{})
	for {
		got, err := k.Clients(&listener.Listener{Sample: s}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if got.Total == 0 {
			return
		}
		for i, c := range got.Oldest {
			if c.Remote.Addr() != loopback || got.Total > 200 || c.Waited > time.Minute {
				t.Fatalf("client %d of %d: %+v", i, got.Total, c)
			}
		}
	}
}
