package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// Seek has the next census, and no later one, find who holds these objects: pipes, sockets
// of any kind, anonymous inodes, by the addresses that Things and Processes give. They
// replace the objects that were sought before. More than listener.MaxSought are refused, for
// an object that was left out would look as if nobody held it.
func (k *Kernel) Seek(objects []listener.Key) error {
	if len(objects) > listener.MaxSought {
		return fmt.Errorf("seek the holders of %d objects: there is room for %d", len(objects), listener.MaxSought)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// They are kept here until then, for the maps may be made anew meanwhile.
	k.sought = k.sought[:0]
	for _, o := range objects {
		if o != 0 {
			k.sought = append(k.sought, uint64(o))
		}
	}
	return nil
}

// Census finds the descriptors of all processes that are of listeners, of connections that
// a listener may have accepted, or of the objects that Seek named: one pass for all
// namespaces. Each thing comes once a process, by its lowest descriptor, even if that was
// duplicated a million times. The Held is good until each returns. While one census is
// under way another is an error.
func (k *Kernel) Census(each func(*listener.Held)) error {
	if !k.counting.CompareAndSwap(false, true) {
		return errors.New("census of descriptors: another is under way")
	}
	defer k.counting.Store(false)
	it, objs, err := k.beginCensus()
	if err == nil {
		err = errors.Join(readCensus(it, each), k.endCensus(objs)) // no lock is held while each, which is not ours, is called
	}
	if err != nil {
		return fmt.Errorf("census of descriptors: %w", err)
	}
	return nil
}

// beginCensus gives the kernel side the objects that are sought.
func (k *Kernel) beginCensus() (*link.Iter, *objects, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	sought := k.objs.maps.Maps[bpf.KernelMapSought]
	for _, o := range k.sought {
		if err := sought.Put(o, uint8(1)); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("seek an object: %w", err), empty[uint64](sought))
		}
	}
	return k.iters[bpf.KernelProgCensus], k.objs, nil
}

func readCensus(it *link.Iter, each func(*listener.Held)) error {
	type thing struct {
		kind bpf.KernelHeldKind
		key  uint64
		file uint64 // of an object that is sought
		mode uint32
	}
	var raw bpf.KernelHeld
	var pid uint32
	seen := make(map[thing]bool) // the things of one process, whose rows come together
	return read(it, bpf.KernelProgCensus, nil, memoryOf(&raw), func() {
		if raw.Pid != pid {
			pid = raw.Pid
			clear(seen)
		}
		is := thing{raw.Kind, raw.Sk, raw.File, raw.Mode}
		if seen[is] {
			return
		}
		seen[is] = true
		each(&listener.Held{
			PID: int(raw.Pid), FD: int(raw.Fd), Inode: raw.Inode, Netns: raw.Netns, Port: raw.Port, Peer: raw.Peer,
			Key: listener.Key(raw.Sk), Kind: heldKind(raw.Kind), File: listener.Key(raw.File),
			Reads: raw.Mode&fmodeRead != 0, Writes: raw.Mode&fmodeWrite != 0, Made: raw.Mode&heldMade != 0,
		})
	})
}

// endCensus drops the objects that were sought, and the epoll sets: the next walk of the
// waiters enters those that still matter.
func (k *Kernel) endCensus(objs *objects) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	if len(k.sought) > 0 {
		k.sought = nil
		err = empty[uint64](objs.maps.Maps[bpf.KernelMapSought])
	}
	return errors.Join(err, empty[uint64](objs.maps.Maps[bpf.KernelMapEpolls]))
}

// empty deletes all entries of a map.
func empty[K any](m *ebpf.Map) error {
	var key K
	for {
		err := m.NextKey(nil, &key)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err == nil {
			err = m.Delete(key)
		}
		if err != nil {
			return fmt.Errorf("empty %s: %w", m, err)
		}
	}
}

func heldKind(k bpf.KernelHeldKind) listener.HeldKind {
	switch k {
	case bpf.KernelHeldKindHELD_LISTENER:
		return listener.HeldListener
	case bpf.KernelHeldKindHELD_EPOLL:
		return listener.HeldEpoll
	case bpf.KernelHeldKindHELD_SOUGHT:
		return listener.HeldSought
	default:
		return listener.HeldConnection
	}
}
