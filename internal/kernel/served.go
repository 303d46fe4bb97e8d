package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// served finds, in the queues tier, which members of suspected groups accepted
// connections since the last look: from those that are there now and were not
// then, also such as were closed meanwhile and stay in TIME_WAIT.
type served struct {
	wanted map[listener.Key]bool
	known  map[connection]bool // at the last look; nil: there was none since the suspicion
	heads  map[listener.Key]listener.Head
}

// connection is an accepted one.
type connection struct {
	netns  uint32
	local  netip.AddrPort
	remote netip.AddrPort
}

// want looks for the connections of these listeners from now on.
func (s *served) want(k *Kernel, keys []listener.Key) error {
	s.wanted = make(map[listener.Key]bool, len(keys))
	for _, key := range keys {
		s.wanted[key] = true
	}
	s.known, s.heads = nil, nil
	ports := k.objs.maps.Maps[bpf.KernelMapPorts]
	var old bpf.KernelLocalPort
	for {
		err := ports.NextKey(nil, &old)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			break
		}
		if err == nil {
			err = ports.Delete(old)
		}
		if err != nil {
			return fmt.Errorf("forget the ports of earlier suspicions: %w", err)
		}
	}
	for i := range k.samples {
		if sample := &k.samples[i]; s.wanted[sample.Key] {
			port := bpf.KernelLocalPort{Netns: sample.Netns, Port: sample.Local.Port()}
			if err := ports.Put(port, uint8(1)); err != nil {
				return fmt.Errorf("look for connections of port %d: %w", sample.Local.Port(), err)
			}
		}
	}
	return nil
}

// mark says of each sample whether its listener accepted since the last look.
func (s *served) mark(k *Kernel) error {
	if len(s.wanted) == 0 {
		return nil
	}
	now, err := s.connections(k)
	if err != nil {
		return err
	}
	for c := range now {
		if s.known == nil || s.known[c] {
			continue
		}
		if sample := s.acceptor(k.samples, c); sample != nil {
			sample.Served = true
		}
	}
	s.known = now
	s.heads = make(map[listener.Key]listener.Head)
	for i := range k.samples {
		if s.wanted[k.samples[i].Key] {
			s.heads[k.samples[i].Key] = k.samples[i].Head
		}
	}
	return nil
}

func (s *served) connections(k *Kernel) (map[connection]bool, error) {
	found := make(map[connection]bool)
	var raw bpf.KernelServed
	err := k.eachNetns(bpf.KernelProgServedTcp, memoryOf(&raw), func() {
		found[connection{
			raw.Netns, addrPort(raw.Family, raw.Local, raw.Port), addrPort(raw.Family, raw.Remote, raw.RemotePort),
		}] = true
	})
	return found, err
}

// acceptor is the one listener that can have accepted a connection: bound to
// its address, or to all addresses where none is bound to it, and with a head
// that has not stood still. Where there are several, nobody knows.
func (s *served) acceptor(samples []listener.Sample, c connection) *listener.Sample {
	var found *listener.Sample
	exact := false
	for i := range samples {
		l := &samples[i]
		if l.Netns != c.netns || l.Local.Port() != c.local.Port() {
			continue
		}
		switch addr := l.Local.Addr(); {
		case addr == c.local.Addr() || addr == c.local.Addr().Unmap():
			if !exact {
				found, exact = nil, true
			}
		case addr.IsUnspecified() && !exact:
		default:
			continue
		}
		if head := s.heads[l.Key]; head != (listener.Head{}) && head == l.Head {
			continue // it accepted nothing
		}
		if found != nil {
			return nil
		}
		found = l
	}
	if found == nil || !s.wanted[found.Key] {
		return nil
	}
	return found
}
