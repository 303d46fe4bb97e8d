package kernel

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// served finds, in the queues tier, which members of suspected groups accepted connections
// since the last look: by the connections that are there now and were not then, also those
// that were closed meanwhile and stay in TIME_WAIT.
type served struct {
	wanted map[listener.Key]bool
	ports  map[bpf.KernelLocalPort]bool // of the wanted
	known  map[connection]bool          // the connections at the last look
	last   map[listener.Cookie]standing // where the wanted stood at the last look
}

// standing is what one look saw of a listener.
type standing struct {
	port bpf.KernelLocalPort
	head listener.Head
}

// connection is an accepted connection.
type connection struct {
	netns  uint32
	local  netip.AddrPort
	remote netip.AddrPort
}

func (c connection) port() bpf.KernelLocalPort {
	return bpf.KernelLocalPort{Netns: c.netns, Port: c.local.Port()}
}

// want seeks accepted connections of these listeners from now on. Those that are there
// already are no news, unless they came since the last look to a port that was wanted then.
func (s *served) want(k *Kernel, keys []listener.Key) error {
	s.wanted = make(map[listener.Key]bool, len(keys))
	for _, key := range keys {
		s.wanted[key] = true
	}
	before := s.ports
	s.ports = make(map[bpf.KernelLocalPort]bool)
	ports := k.objs.maps.Maps[bpf.KernelMapPorts]
	if err := empty[bpf.KernelLocalPort](ports); err != nil {
		return fmt.Errorf("forget the ports of earlier suspicions: %w", err)
	}
	for i := range k.samples {
		if sample := &k.samples[i]; s.wanted[sample.Key] {
			port := portOf(sample)
			s.ports[port] = true
			if err := ports.Put(port, uint8(1)); err != nil {
				return fmt.Errorf("look for connections of port %d: %w", sample.Local.Port(), err)
			}
		}
	}
	s.remember(k.samples)
	if len(s.wanted) == 0 {
		s.known = nil
		return nil
	}
	now, err := s.connections(k)
	if err != nil {
		return err
	}
	for c := range now {
		if before[c.port()] && !s.known[c] {
			delete(now, c)
		}
	}
	s.known = now
	return nil
}

// mark sets in each sample whether its listener accepted since the last look, or may have,
// as one of several.
func (s *served) mark(k *Kernel) error {
	if len(s.wanted) == 0 {
		return nil
	}
	now, err := s.connections(k)
	if err != nil {
		return err
	}
	ended := s.ended(k.samples)
	for c := range now {
		if s.known[c] || ended[c.port()] {
			continue
		}
		switch by := s.acceptors(k.samples, c); len(by) {
		case 0:
		case 1:
			by[0].Served = true
		default:
			for _, sample := range by {
				sample.MayHaveServed = true
			}
		}
	}
	s.known = now
	s.remember(k.samples)
	return nil
}

// remember keeps where the wanted listeners stand.
func (s *served) remember(samples []listener.Sample) {
	s.last = make(map[listener.Cookie]standing)
	for i := range samples {
		if l := &samples[i]; s.wanted[l.Key] {
			s.last[l.Cookie] = standing{portOf(l), l.Head}
		}
	}
}

// ended gives the ports of wanted listeners that have ended: nobody knows whether such a
// listener accepted before.
func (s *served) ended(samples []listener.Sample) map[bpf.KernelLocalPort]bool {
	there := make(map[listener.Cookie]bool, len(s.last))
	for i := range samples {
		there[samples[i].Cookie] = true
	}
	ports := make(map[bpf.KernelLocalPort]bool)
	for cookie, was := range s.last {
		if !there[cookie] {
			ports[was.port] = true
		}
	}
	return ports
}

func portOf(l *listener.Sample) bpf.KernelLocalPort {
	return bpf.KernelLocalPort{Netns: l.Netns, Port: l.Local.Port()}
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

// acceptors gives the listeners of which one has accepted a connection: they are bound to
// its address, or to all addresses if none is bound to it, and their head has not stood
// still. It is none if they are not all of one wanted group.
func (s *served) acceptors(samples []listener.Sample, c connection) []*listener.Sample {
	var found []*listener.Sample
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
		if head := s.last[l.Cookie].head; head != (listener.Head{}) && head == l.Head {
			continue // it accepted nothing
		}
		if !slices.ContainsFunc(found, func(f *listener.Sample) bool { return f.Key == l.Key }) {
			found = append(found, l) // a listener comes twice if its namespace has two names
		}
	}
	for _, l := range found {
		if !s.wanted[l.Key] || len(found) > 1 && (l.Group == 0 || l.Group != found[0].Group) {
			return nil
		}
	}
	return found
}
