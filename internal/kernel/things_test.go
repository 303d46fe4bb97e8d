package kernel_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// thingOf gives the one thing of this process that a descriptor refers to.
func thingOf(t *testing.T, k live, fd int) listener.Thing {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	all, _, err := k.Things([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	for _, th := range all {
		if th.PID != os.Getpid() {
			t.Errorf("a thing of process %d, which nobody asked about", th.PID)
		}
		if th.FD == fd {
			return th
		}
	}
	t.Fatalf("descriptor %d is not told of among %d things", fd, len(all))
	return listener.Thing{}
}

func mustFD(t *testing.T) func(fd int, err error) int {
	return func(fd int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
}

// testThings: what a process holds beside its listeners, and how far it has got.
func testThings(t *testing.T, f *field) {
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			testConnections(t, f, k)
			testPipes(t, k)
			testOtherThings(t, f, k)
		})
	}
}

// testConnections: the position of a connection is what was read and written, not what came
// or was acknowledged.
func testConnections(t *testing.T, f *field, k live) {
	ns := f.netns(t)
	for name, l := range map[string]*livetest.Listener{
		"tcp":   ns.Listen(livetest.Listen{}),
		"mptcp": ns.Listen(livetest.Listen{MPTCP: true}),
	} {
		th := thingOf(t, k, l.FD)
		if th.Kind != listener.ThingListener || th.Port != l.Port() || !th.Listening || th.NetNS != ns.Inode {
			t.Errorf("a listener of %s is %+v", name, th)
		}
		client := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4), MPTCP: name == "mptcp"}).FD
		server := l.Take()
		before := thingOf(t, k, server)
		at, known := before.Position.Get()
		if before.Kind != listener.ThingConnection || before.Port != l.Port() || before.Remote == 0 || before.Listening {
			t.Errorf("a connection of %s is %+v", name, before)
		}
		if !known {
			if name == "tcp" {
				t.Errorf("of %s nobody knows how far it has got", name)
			}
			continue
		}
		if _, err := unix.Write(client, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		livetest.Eventually(t, "the bytes are there", func() bool {
			n, err := unix.IoctlGetInt(server, unix.SIOCINQ)
			return err == nil && n == 1000
		})
		if is, _ := thingOf(t, k, server).Position.Get(); is != at {
			t.Errorf("%s: %+v, then %+v after the peer sent", name, at, is)
		}
		if _, err := unix.Read(server, make([]byte, 600)); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(server, make([]byte, 70)); err != nil {
			t.Fatal(err)
		}
		if is, _ := thingOf(t, k, server).Position.Get(); is.Read-at.Read != 600 || is.Wrote-at.Wrote != 70 {
			t.Errorf("%s: %+v, then %+v after 600 bytes read and 70 written", name, at, is)
		}
	}
}

// testPipes: every read shows, also one of a part of a buffer, and so do the open ends.
func testPipes(t *testing.T, k live) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	write := mustFD(t)(ends[1], nil)
	if _, err := unix.Write(write, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	a, b := thingOf(t, k, ends[0]), thingOf(t, k, write)
	readEnd, writeEnd := a.Reads && !a.Writes, b.Writes && !b.Reads
	onePipe := a.Kind == listener.ThingPipe && a.Object == b.Object
	if !onePipe || !readEnd || !writeEnd || a.Readers != 1 || a.Writers != 1 {
		t.Errorf("the ends of a pipe are %+v and %+v", a, b)
	}
	seen := []listener.Position{a.Position.Or(listener.Position{})}
	for _, n := range []int{60, 40} {
		if _, err := unix.Read(ends[0], make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		is := thingOf(t, k, write).Position.Or(listener.Position{})
		if slices.Contains(seen, is) {
			t.Errorf("%d bytes were read, and nothing moved: %+v", n, is)
		}
		seen = append(seen, is)
	}
	if _, err := unix.Write(write, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if is := thingOf(t, k, write).Position.Or(listener.Position{}); is.Wrote == seen[2].Wrote {
		t.Errorf("a write does not show: %+v", is)
	}
	// A FIFO is a pipe, too.
	path := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := mustFD(t)(unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0))
	th := thingOf(t, k, fifo)
	if th.Kind != listener.ThingPipe || !th.Reads || !th.Writes || th.Readers != 1 || th.Writers != 1 {
		t.Errorf("a FIFO is %+v", th)
	}
}

// testOtherThings: UDP, unix sockets, epoll sets; a thing once, however often its
// descriptor was duplicated.
func testOtherThings(t *testing.T, f *field, k live) {
	testTimedSockets(t, k)
	ns, must := f.netns(t), mustFD(t)
	var udp int
	ns.Do(func() { udp = must(unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)) })
	if err := unix.Bind(udp, &unix.SockaddrInet6{Port: 5353}); err != nil {
		t.Fatal(err)
	}
	th := thingOf(t, k, udp)
	if th.Kind != listener.ThingUDP || th.Port != 5353 || th.Remote != 0 || th.NetNS != ns.Inode {
		t.Errorf("a UDP socket is %+v", th)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := thingOf(t, k, must(pair[0], nil)), thingOf(t, k, must(pair[1], nil))
	peers := a.Peer == b.Object && b.Peer == a.Object
	if a.Kind != listener.ThingUnix || a.Type != unix.SOCK_SEQPACKET || !peers || a.Listening {
		t.Errorf("a pair of unix sockets is %+v and %+v", a, b)
	}
	unixListener := must(unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	if err := unix.Bind(unixListener, &unix.SockaddrUnix{Name: t.TempDir() + "/s"}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(unixListener, 1); err != nil {
		t.Fatal(err)
	}
	if th := thingOf(t, k, unixListener); th.Kind != listener.ThingUnix || !th.Listening {
		t.Errorf("a unix listener is %+v", th)
	}
	set := must(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	if th := thingOf(t, k, set); th.Kind != listener.ThingEpoll {
		t.Errorf("an epoll set is %+v", th)
	}
	const copies = 1000
	for range copies {
		must(unix.FcntlInt(uintptr(set), unix.F_DUPFD_CLOEXEC, set))
	}
	all, _, err := k.Things([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, th := range all {
		if th.Kind == listener.ThingEpoll && th.Object == thingOf(t, k, set).Object {
			count++
		}
	}
	if count != 1 {
		t.Errorf("a set with %d descriptors is told of %d times", copies+1, count)
	}
	other := child(t, func(c *exec.Cmd) { c.Stdin = nil }, "sleep", "300")
	things, _, err := k.Things([]int{other})
	if err != nil || slices.ContainsFunc(things, func(th listener.Thing) bool { return th.PID != other }) {
		t.Errorf("of another process alone: %+v, %v", things, err)
	}
	undo := k.LimitThings(len(all) - 1)
	few, omitted, err := k.Things([]int{os.Getpid(), other})
	undo()
	if err != nil || !slices.Equal(few, things) || !slices.Equal(omitted, []int{os.Getpid()}) {
		t.Errorf("where one holds too much: %+v, omitted %v, %v; want all of the other, %+v", few, omitted, err, things)
	}
	if none, _, err := k.Things(nil); err != nil || len(none) != 0 {
		t.Errorf("of nobody: %+v, %v", none, err)
	}
}

// testTimedSockets: the timeouts of a socket are seen, and sockets of other families have no
// position.
func testTimedSockets(t *testing.T, k live) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	mustFD(t)(pair[0], nil)
	mustFD(t)(pair[1], nil)
	for _, c := range []struct {
		option        int
		reads, writes bool
	}{{0, false, false}, {unix.SO_RCVTIMEO, true, false}, {unix.SO_SNDTIMEO, true, true}} {
		if c.option != 0 {
			if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, c.option, &unix.Timeval{Sec: 9}); err != nil {
				t.Fatal(err)
			}
		}
		if th := thingOf(t, k, pair[0]); th.TimedReads != c.reads || th.TimedWrites != c.writes {
			t.Errorf("after option %d it is %+v", c.option, th)
		}
	}
	netlink := mustFD(t)(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE))
	if th := thingOf(t, k, netlink); th.Kind != listener.ThingSocket {
		t.Errorf("a netlink socket is %+v", th)
	}
}
