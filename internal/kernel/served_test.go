package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// In the queues tier new connections show who accepts: short ones by their TIME_WAIT, long
// ones while they are there. A member whose head stands still never accepts.
func TestServed(t *testing.T) {
	livetest.Root(t)
	f := &field{t: t}
	f.load(kernel.Options{}, queues)
	k := f.kernels[0]
	for _, family := range []livetest.Family{livetest.V4, livetest.V6} {
		ns := f.netns(t)
		group := ns.Group(2, livetest.Listen{Family: family, Reuseport: true})
		deaf, alive := group[0], group[1]
		bystander := ns.Listen(livetest.Listen{Family: family})
		bystander.Serve(livetest.Service{})
		// The server closes first: its side of the connection goes to TIME_WAIT.
		dial := func(l *livetest.Listener) {
			var conns []*livetest.Conn
			before := deaf.Queue()
			for range 20 {
				conns = append(conns, ns.Dial(livetest.Dial{To: l.Dest(family)}))
			}
			livetest.Eventually(t, "its server has closed all that are not the deaf one's", func() bool {
				return l.Queue() == 0 && ended(conns) == len(conns)-(deaf.Queue()-before)
			})
			for _, c := range conns {
				c.Close()
			}
		}
		served := func() map[uint64]bool {
			all, err := k.LookQueues()
			if err != nil {
				t.Fatal(err)
			}
			samples := byInode(all)
			marked := make(map[uint64]bool)
			for inode, s := range samples {
				marked[inode] = s.Served
			}
			return marked
		}
		alive.Serve(livetest.Service{})
		dial(alive)
		all, err := k.LookQueues()
		if err != nil {
			t.Fatal(err)
		}
		samples := byInode(all)
		if err := k.SetCounted(places(samples[deaf.Inode], samples[alive.Inode])); err != nil {
			t.Fatal(err)
		}
		if got := served(); got[deaf.Inode] || got[alive.Inode] {
			t.Errorf("first look: %v; what was there before proves nothing", got)
		}
		if got := served(); got[deaf.Inode] || got[alive.Inode] {
			t.Errorf("nothing came: %v", got)
		}
		dial(alive)
		dial(bystander)
		livetest.Eventually(t, "short connections are seen", func() bool {
			got := served()
			if got[deaf.Inode] || got[bystander.Inode] {
				t.Fatalf("%v: the deaf one and the bystander are none of it", got)
			}
			return got[alive.Inode]
		})
		if err := k.SetCounted(nil); err != nil {
			t.Fatal(err)
		}
		dial(alive)
		if got := served(); got[alive.Inode] {
			t.Error("served, though nobody is suspected any more")
		}
		if err := k.SetCounted(places(samples[deaf.Inode], samples[alive.Inode])); err != nil {
			t.Fatal(err)
		}
		dial(alive)
		if got := served(); got[deaf.Inode] || !got[alive.Inode] {
			t.Errorf("%v: what came between the suspicion and the first look after it counts", got)
		}
	}
}

// ended counts the connections that their server has closed.
func ended(conns []*livetest.Conn) int {
	n := 0
	for _, c := range conns {
		if got, _, err := unix.Recvfrom(c.FD, make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT); err == nil && got == 0 {
			n++
		}
	}
	return n
}
