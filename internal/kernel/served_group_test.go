package kernel_test

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// servedGroup is a group whose connections the queues tier seeks, with a member that accepts
// nothing and others that accept what the test says.
type servedGroup struct {
	t     *testing.T
	k     live
	ns    *livetest.Namespace
	group []*livetest.Listener // the first one is deaf
}

func newServedGroup(t *testing.T, f *field, n int, o livetest.Listen) *servedGroup {
	ns := f.netns(t)
	g := &servedGroup{t, f.kernels[0], ns, ns.Group(n, o)}
	g.dial(g.group[0])
	all, err := g.k.LookQueues()
	if err != nil {
		t.Fatal(err)
	}
	samples := byInode(all)
	var counted []listener.Sample
	for _, l := range g.group {
		counted = append(counted, samples[l.Inode])
	}
	if err := g.k.SetCounted(places(counted...)); err != nil {
		t.Fatal(err)
	}
	return g
}

// dial brings a client to this member. Those that the hash gives to another one that is not
// deaf are accepted and reset, which leaves no connection behind, unless it is one where
// somebody waits already.
func (g *servedGroup) dial(to *livetest.Listener) *livetest.Conn {
	g.t.Helper()
	sum := func() (n int) {
		for _, l := range g.group {
			n += l.Queue()
		}
		return n
	}
	waits := make(map[*livetest.Listener]bool)
	for _, l := range g.group {
		waits[l] = l.Queue() > 0
	}
	for range 200 {
		before, all := to.Queue(), sum()
		c := g.ns.Dial(livetest.Dial{To: to.Dest(livetest.V4)})
		livetest.Eventually(g.t, "it waits", func() bool { return sum() == all+1 })
		if to.Queue() > before {
			return c
		}
		for _, l := range g.group[1:] {
			if l != to && l.Queue() == 1 && !waits[l] {
				l.Accept()
			}
		}
	}
	g.t.Fatal("no client came to one member of the group")
	return nil
}

// expect looks, and compares who accepted, and who may be the one that did.
func (g *servedGroup) expect(what string, served, may []*livetest.Listener) {
	g.t.Helper()
	all, err := g.k.LookQueues()
	if err != nil {
		g.t.Fatal(err)
	}
	for i, l := range g.group {
		s := byInode(all)[l.Inode]
		if s.Served != contains(served, l) || s.MayHaveServed != contains(may, l) {
			g.t.Errorf("%s: of member %d: served %v, or may have: %v", what, i, s.Served, s.MayHaveServed)
		}
	}
}

func contains(all []*livetest.Listener, l *livetest.Listener) bool {
	for _, other := range all {
		if other == l {
			return true
		}
	}
	return false
}

// TestServedByOneOfSeveral: if several members can have accepted a connection, each of them may
// have served, but none that stood still.
func TestServedByOneOfSeveral(t *testing.T) {
	livetest.Root(t)
	f := &field{t: t}
	f.load(kernel.Options{}, queues)
	g := newServedGroup(t, f, 3, livetest.Listen{})
	first, second := g.group[1], g.group[2]
	g.expect("nothing came", nil, nil)

	g.dial(first)
	first.Take()
	g.expect("one of two accepted", nil, []*livetest.Listener{first, second})
	g.expect("nothing more came", nil, nil)

	g.dial(second)
	g.expect("one waits", nil, nil)
	g.dial(first)
	first.Take()
	g.expect("the other stands still", []*livetest.Listener{first}, nil)

	g.dial(first)
	first.Take()
	second.Close()
	g.group = g.group[:2]
	g.expect("one has left, which may have accepted before", nil, nil)
}

// TestServedLeavesNoTrace: a client of this host that closes first leaves the only trace of
// what a member accepted. It counts unless something may send connections elsewhere.
func TestServedLeavesNoTrace(t *testing.T) {
	livetest.Root(t)
	f := &field{t: t}
	f.load(kernel.Options{}, queues)
	for name, o := range map[string]livetest.Listen{"v4": {}, "v4 to a listener of both": {Family: livetest.Dual}} {
		t.Run(name, func(t *testing.T) {
			g := newServedGroup(t, f, 2, o)
			deaf, alive := g.group[0], g.group[1]
			visit := func() {
				c := g.dial(alive)
				fd := alive.Take()
				c.Close()
				livetest.Eventually(t, "its end has come", func() bool {
					n, _, err := unix.Recvfrom(fd, make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
					return err == nil && n == 0
				})
				if err := unix.Shutdown(fd, unix.SHUT_RDWR); err != nil {
					t.Fatal(err)
				}
			}
			visit()
			g.expect("a client came and went", []*livetest.Listener{alive}, nil)
			g.dial(deaf).Close()
			g.expect("a client of the deaf one went", nil, nil)

			if !redirects(t, g.ns) {
				return
			}
			visit()
			g.expect("something may redirect", nil, nil)
		})
	}
}

// redirects attaches a netfilter program that lets all pass, but could send connections
// elsewhere, as a rule of iptables can. It is false if the kernel is too old for that.
func redirects(t *testing.T, ns *livetest.Namespace) bool {
	t.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Netfilter, AttachType: ebpf.AttachNetfilter, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}, // NF_ACCEPT
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, ebpf.ErrNotSupported) {
		t.Logf("no netfilter programs before 6.4: %v", err)
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	var l link.Link
	ns.Do(func() {
		l, err = link.AttachNetfilter(link.NetfilterOptions{
			Program: prog, ProtocolFamily: link.NetfilterProtoIPv4, Hook: link.NetfilterInetLocalOut, Priority: -128,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return true
}
