package kernel

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

func addrPort(family uint16, addr [16]byte, port uint16) netip.AddrPort {
	if family == unix.AF_INET6 {
		return netip.AddrPortFrom(netip.AddrFrom16(addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[:4])), port)
}

// sampleOf turns a row into a sample. boot is the wall time of ktime 0.
func (k *Kernel) sampleOf(raw *bpf.KernelSample, boot time.Time) listener.Sample {
	s := listener.Sample{
		Key:          listener.Key(raw.Sk),
		Cookie:       listener.Cookie(raw.Cookie),
		Inode:        raw.Inode,
		Group:        listener.GroupKey(raw.Reuse),
		GroupSize:    int32(raw.GroupSize),
		Netns:        raw.Netns,
		NetCookie:    raw.NetCookie,
		Device:       int32(raw.Ifindex),
		Local:        addrPort(raw.Family, raw.Addr, raw.Port),
		V6Only:       raw.V6only != 0,
		Reuseport:    raw.Reuseport != 0,
		MPTCP:        raw.Mptcp != 0,
		Queue:        raw.Queue,
		Backlog:      raw.Backlog,
		Dropped:      listener.Counted(uint64(raw.Drops)),
		WaitersKnown: raw.WaitersWalked != 0,
	}
	switch id := raw.GroupProgram; {
	case id == 0:
	case k.isMigration(id):
		s.Migration = id
	default:
		s.Program = true
	}
	if raw.SettingsRead != 0 {
		s.HalfOpen = raw.HalfOpen
		s.Settings = listener.Rarely(listener.Settings{
			FastOpen: int(raw.Settings.Fastopen), DeferAccept: int(raw.Settings.DeferAccept),
			SaveSYN: int(raw.Settings.SaveSyn), IncomingCPU: int(raw.Settings.IncomingCpu),
			Transparent: raw.Settings.Transparent != 0, Keys: raw.Settings.Keys != 0,
		})
	}
	if raw.Head.Request != 0 {
		s.Head = listener.Head{
			Request: raw.Head.Request,
			SYNACK:  raw.Head.SntSynack,
			RcvISN:  raw.Head.RcvIsn,
			SndISN:  raw.Head.SntIsn,
			Remote:  addrPort(raw.Family, raw.Head.Addr, raw.Head.Port),
		}
		s.OldestWait = listener.Rarely(k.clock.duration(raw.HeadAge))
	}
	if raw.ListenedNs != 0 {
		s.ListenedAt = listener.Rarely(boot.Add(time.Duration(raw.ListenedNs)))
	}
	if raw.Counting != 0 {
		k.counters(&s, raw)
	}
	s.Waiters = waiters(raw)
	return s
}

func waiters(raw *bpf.KernelSample) []listener.Waiter {
	var ws []listener.Waiter
	for _, w := range raw.Waiters[:min(int(raw.WaitersSeen), len(raw.Waiters))] {
		lw := waiter(w.Kind, int(w.Pid), w.Events, int(w.Sleepers), w.Ready != 0)
		lw.Epoll = listener.Key(w.Epoll)
		ws = append(ws, lw)
	}
	return ws
}

// counters copies the counters that the tier has hooks for; the others stay unknown.
func (k *Kernel) counters(s *listener.Sample, raw *bpf.KernelSample) {
	if k.has(SignalSYNs) {
		s.SYNs = listener.Counted(raw.Syns)
		s.SYNsFull = listener.Counted(raw.SynsFull)
	}
	if k.has(SignalSelected) {
		s.Selected = listener.Counted(raw.Selected)
	}
	if k.has(SignalAdopted) {
		s.Adopted = listener.Counted(raw.Adopted)
	}
	if k.tier != listener.TierQueues {
		s.Queued = listener.Counted(raw.Queued)
		s.QueuedPlain = listener.Counted(raw.Plain)
		if k.tier == listener.TierFunctions {
			s.QueuedPlain = s.Queued
		}
	}
}

func waiter(kind bpf.KernelWaiterKind, pid int, events uint32, sleepers int, ready bool) listener.Waiter {
	w := listener.Waiter{Kind: listener.WaitOther, PID: pid, Armed: true, Sleepers: sleepers, Ready: ready}
	switch kind {
	case bpf.KernelWaiterKindWAITER_ACCEPT:
		w.Kind, w.Sleepers = listener.WaitAccept, 1
	case bpf.KernelWaiterKindWAITER_POLL:
		w.Kind, w.Sleepers = listener.WaitPoll, 1
	case bpf.KernelWaiterKindWAITER_EPOLL:
		w.Kind = listener.WaitEpoll
		w.Armed = events&unix.EPOLLIN != 0
	case bpf.KernelWaiterKindWAITER_IO_URING:
		w.Kind = listener.WaitIOUring
	default: // some other wake function
	}
	return w
}

// Sample reads one listener now and no other: its queue, the head of that and its counters,
// neither its waiters nor its settings. It is false if the listener has gone, listens no
// more, or another socket has its address. The next look gives all that it would have given
// otherwise. The program is loaded at the first call, for watching has no use for it.
func (k *Kernel) Sample(l *listener.Listener) (listener.Sample, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sampler == nil {
		var err error
		if k.sampler, err = k.objs.load(bpf.KernelProgLookAt); err != nil {
			return listener.Sample{}, false, err
		}
	}
	io := bpf.KernelOneIo{Sk: uint64(l.Key), Cookie: uint64(l.Cookie)}
	if _, err := k.sampler.Run(&ebpf.RunOptions{Context: &io, ContextOut: &io}); err != nil {
		return listener.Sample{}, false, fmt.Errorf("look at listener %s: %w", l.Cookie, err)
	}
	if io.There == 0 {
		return listener.Sample{}, false, nil
	}
	boot := time.Now().Add(-time.Duration(io.KtimeNs))
	if err := k.objs.maps.Maps[bpf.KernelMapScratch].Lookup(uint32(0), &k.row); err != nil {
		return listener.Sample{}, false, fmt.Errorf("read the row of listener %s: %w", l.Cookie, err)
	}
	return k.sampleOf(&k.row, boot), true, nil
}
