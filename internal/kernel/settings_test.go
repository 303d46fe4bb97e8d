package kernel_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// Each setting that members of a group must agree on shows in every tier.
func testSettings(t *testing.T, f *field) {
	ns := f.netns(t)
	key := &unix.TCPMD5Sig{Addr: unix.SockaddrStorage{Family: unix.AF_INET}, Keylen: 3, Key: [80]uint8{1, 2, 3}}
	for name, c := range map[string]struct {
		set  func(fd int) error
		want listener.Settings
	}{
		"none":      {func(int) error { return nil }, listener.Settings{}},
		"fast open": {option(unix.SOL_TCP, unix.TCP_FASTOPEN, 7), listener.Settings{FastOpen: 7}},
		// 3 s: the SYN-ACK is sent at 0, 1 and 3 s.
		"defer accept": {option(unix.SOL_TCP, unix.TCP_DEFER_ACCEPT, 3), listener.Settings{DeferAccept: 2}},
		"save SYN":     {option(unix.SOL_TCP, unix.TCP_SAVE_SYN, 2), listener.Settings{SaveSYN: 2}},
		"transparent":  {option(unix.SOL_IP, unix.IP_TRANSPARENT, 1), listener.Settings{Transparent: true}},
		"incoming CPU": {option(unix.SOL_SOCKET, unix.SO_INCOMING_CPU, 1), listener.Settings{IncomingCPU: 1}},
		"keys": {
			func(fd int) error { return unix.SetsockoptTCPMD5Sig(fd, unix.SOL_TCP, unix.TCP_MD5SIG, key) },
			listener.Settings{Keys: true},
		},
	} {
		l := ns.Listen(livetest.Listen{})
		if err := c.set(l.FD); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name != "incoming CPU" {
			c.want.IncomingCPU = -1
		}
		for _, k := range f.kernels {
			if got := sampleOf(t, k, l).Settings.Maybe(); got != listener.Known(c.want) {
				t.Errorf("%s, %s: %+v, want %+v", k.tier, name, got, c.want)
			}
		}
	}
}

func option(level, name, value int) func(int) error {
	return func(fd int) error { return unix.SetsockoptInt(fd, level, name, value) }
}

// Handshakes that are not complete are counted beside the queue.
func testHalfOpenRequests(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{DeferAccept: 30})
	ns.DialMany(3, livetest.Dial{To: l.Dest(livetest.V4)})
	for _, k := range f.kernels {
		if s := sampleOf(t, k, l); s.HalfOpen != 3 || s.Queue != 0 {
			t.Errorf("%s: %d half-open, %d queued; want 3 and none", k.tier, s.HalfOpen, s.Queue)
		}
	}
}

// A program that chooses the member is an application's own, unless it is one
// that an act left behind.
func testProgramOfGroup(t *testing.T, f *field) {
	ns := f.netns(t)
	plain, ours, classic := ns.Group(2, livetest.Listen{}), ns.Group(2, livetest.Listen{}), ns.Group(2, livetest.Listen{})
	m := migrate(t, ours[0], listener.Moving{})
	first := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	prog := &unix.SockFprog{Len: 1, Filter: &first[0]}
	if err := unix.SetsockoptSockFprog(classic[0].FD, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, prog); err != nil {
		t.Fatal(err)
	}
	for _, k := range f.kernels {
		p, o, c := sampleOf(t, k, plain[1]), sampleOf(t, k, ours[1]), sampleOf(t, k, classic[1])
		if p.Program || p.Migration != 0 || o.Program || o.Migration != m.ID() || !c.Program || c.Migration != 0 {
			t.Errorf("%s: none is %v %d, ours %v %d, an application's %v %d", k.tier,
				p.Program, p.Migration, o.Program, o.Migration, c.Program, c.Migration)
		}
	}
}
