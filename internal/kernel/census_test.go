package kernel_test

import (
	"cmp"
	"net/netip"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// census gives the descriptors that a census finds in this namespace.
func census(t *testing.T, k live, ns *livetest.Namespace) []listener.Held {
	t.Helper()
	all := held(t, k)
	all = slices.DeleteFunc(all, func(h listener.Held) bool { return h.Netns != ns.Inode })
	sortHeld(all)
	return all
}

// held gives all that a census finds.
func held(t *testing.T, k live) []listener.Held {
	t.Helper()
	var all []listener.Held
	if err := k.Census(func(h *listener.Held) { all = append(all, *h) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func sortHeld(all []listener.Held) {
	slices.SortFunc(all, func(a, b listener.Held) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD))
	})
}

func compareHeld(t *testing.T, what string, want, got []listener.Held) {
	t.Helper()
	sortHeld(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// Every descriptor of a listener is listed, whoever holds it, and nothing else.
func testCensusOfListeners(t *testing.T, f *field) {
	ns := f.netns(t)
	all := []*livetest.Listener{
		ns.Listen(livetest.Listen{}),
		ns.Listen(livetest.Listen{Family: livetest.V6}),
		ns.Listen(livetest.Listen{Family: livetest.Dual}),
		ns.Listen(livetest.Listen{MPTCP: true}),
		ns.Listen(livetest.Listen{Family: livetest.V6, MPTCP: true}),
	}
	all = append(all, ns.Group(2, livetest.Listen{})...)
	ns.Bind(livetest.Listen{}) // bound, but no listener
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			_, samples := look(t, k)
			held := func(pid, fd int, l *livetest.Listener) listener.Held {
				return listener.Held{
					PID: pid, FD: fd, Inode: l.Inode, Netns: ns.Inode, Port: l.Port(),
					Key: samples[l.Inode].Key, Kind: listener.HeldListener, Made: pid == os.Getpid(),
				}
			}
			var want []listener.Held
			for _, l := range all {
				want = append(want, held(os.Getpid(), l.FD, l))
			}
			compareHeld(t, "one process", want, census(t, k, ns))

			// Two more processes, each with a second descriptor of one listener, which is left out.
			var fds []int
			for _, l := range all {
				fds = append(fds, l.FD)
			}
			fds = append(fds, all[0].FD)
			first, second := livetest.Hold(t, fds...), livetest.Hold(t, fds...)
			for _, h := range []*livetest.Holder{first, second} {
				for i, l := range all {
					want = append(want, held(h.PID, 3+i, l))
				}
			}
			compareHeld(t, "three processes", want, census(t, k, ns))

			first.End()
			want = slices.DeleteFunc(want, func(h listener.Held) bool { return h.PID == first.PID })
			compareHeld(t, "two processes", want, census(t, k, ns))
			second.End()
		})
	}
}

// A thread may have a descriptor table of its own. A descriptor that both tables have is one
// of the process, and one that only the thread has is one, too.
func testCensusOfThread(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{})
	var err error
	livetest.NewThread(t).Do(func() { err = unix.Unshare(unix.CLONE_FILES) })
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		for _, k := range f.kernels {
			got := census(t, k, ns)
			ours := len(got) == 1 && got[0].PID == os.Getpid() && got[0].FD == l.FD
			if !ours || got[0].Kind != listener.HeldListener {
				t.Errorf("%s, %s: held as %+v, want descriptor %d of process %d", what, k.tier, got, l.FD, os.Getpid())
			}
		}
	}
	check("in both tables")
	l.Close()
	check("in the thread's table")
}

// An accepted connection counts for the port that it came in on, a client's own
// for the port that it went out from.
func testCensusOfConnections(t *testing.T, f *field) {
	cases := []struct {
		name   string
		listen livetest.Listen
		dial   livetest.Dial
	}{
		{"v4", livetest.Listen{}, livetest.Dial{}},
		{"v6", livetest.Listen{Family: livetest.V6}, livetest.Dial{}},
		{"dual", livetest.Listen{Family: livetest.Dual}, livetest.Dial{}},
		{"mptcp", livetest.Listen{MPTCP: true}, livetest.Dial{MPTCP: true, Word: true, Echo: true}},
		{"mptcp v6", livetest.Listen{Family: livetest.V6, MPTCP: true}, livetest.Dial{MPTCP: true, Word: true, Echo: true}},
		{"plain client of mptcp", livetest.Listen{MPTCP: true}, livetest.Dial{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ns := f.netns(t)
			server := ns.Listen(c.listen).Serve(livetest.Service{Echo: c.dial.Echo, Hold: true})
			c.dial.To = server.Dest(min(c.listen.Family, livetest.V6))
			ports := map[uint16]int{server.Port(): 5}
			for range 5 {
				ports[ns.Dial(c.dial).Port()]++
			}
			livetest.Eventually(t, "accepted", func() bool { return server.Accepted() == 5 })
			for _, k := range f.kernels {
				got := make(map[uint16]int)
				for _, h := range census(t, k, ns) {
					if h.Kind == listener.HeldListener {
						continue
					}
					got[h.Port]++
					// Things gives the same kind and key.
					if th := thingOf(t, k, h.FD); h.Key == 0 || h.Key != th.Object || h.Peer == 0 || h.Peer != th.Remote {
						t.Errorf("%s: %+v, and the thing %+v", k.tier, h, th)
					}
					if h.PID != os.Getpid() || h.Inode != inodeOf(t, h.FD) {
						t.Errorf("%s: %+v is not ours", k.tier, h)
					}
				}
				if diff := gocmp.Diff(ports, got); diff != "" {
					t.Errorf("%s: connections by local port (-want +got):\n%s", k.tier, diff)
				}
			}
		})
	}
}

func inodeOf(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatalf("stat descriptor %d: %v", fd, err)
	}
	return st.Ino
}

// A listener on its way through a Unix socket has no owner, and is seen.
func testListenerInFlight(t *testing.T, f *field) {
	ns := f.netns(t)
	early := sendAway(t, ns.Listen(livetest.Listen{}))
	for _, c := range ns.DialMany(3, livetest.Dial{To: early.to}) {
		c.Close() // they wait all the same
	}
	for _, k := range f.kernels {
		if got := census(t, k, ns); len(got) != 0 {
			t.Errorf("%s: in flight, and held as %+v", k.tier, got)
		}
		_, samples := look(t, k)
		if s := samples[early.inode]; s.Queue != 3 || s.Head.Request == 0 {
			t.Errorf("%s: in flight, with 3 clients: %+v", k.tier, s)
		}
	}
	fd := early.receive(t)
	for _, k := range f.kernels {
		if got := census(t, k, ns); len(got) != 1 || got[0].FD != fd || got[0].Inode != early.inode {
			t.Errorf("%s: arrived as %d, and held as %+v", k.tier, fd, got)
		}
	}
}

// inFlight is a listener whose only descriptor is in a message that nobody has read.
type inFlight struct {
	inode uint64
	to    netip.AddrPort
	end   int
}

func sendAway(t *testing.T, l *livetest.Listener) inFlight {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range pair {
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(l.FD), nil, 0); err != nil {
		t.Fatal(err)
	}
	l.Close()
	return inFlight{l.Inode, l.Dest(livetest.V4), pair[1]}
}

func (f *inFlight) receive(t *testing.T) int {
	t.Helper()
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(f.end, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("descriptors %v, %v", fds, err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]) })
	return fds[0]
}
