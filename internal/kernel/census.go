package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// MaxSought is how many objects a census can seek.
const MaxSought = 4096

// Seek has the next census, and no later one, tell who holds these objects: pipes, sockets
// of any kind, anonymous inodes, by the addresses that Things and Processes tell. It takes
// the place of what was sought before. More than MaxSought it refuses: of one that is left
// out it would look as if nobody held it.
func (k *Kernel) Seek(objects []listener.Key) error {
	if len(objects) > MaxSought {
		return fmt.Errorf("seek the holders of %d objects: there is room for %d", len(objects), MaxSought)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// Kept here until then: the maps may be made anew meanwhile.
	k.sought = k.sought[:0]
	for _, o := range objects {
		if o != 0 {
			k.sought = append(k.sought, uint64(o))
		}
	}
	return nil
}

// Census finds every descriptor of a listener, and of a connection that a
// listener may have accepted, of all processes: one pass for all namespaces. What
// Seek named it finds, too.
func (k *Kernel) Census() ([]listener.Held, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var held []listener.Held
	err := k.seeking(func() (err error) {
		held, err = k.census()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("census of descriptors: %w", err)
	}
	return held, k.forgetEpolls()
}

func (k *Kernel) census() ([]listener.Held, error) {
	var held []listener.Held
	var raw bpf.KernelHeld
	// A thread with a descriptor table of its own repeats what it shares.
	seen := make(map[listener.Held]bool)
	err := k.iterate(bpf.KernelProgCensus, nil, memoryOf(&raw), func() {
		h := listener.Held{
			PID: int(raw.Pid), FD: int(raw.Fd), Inode: raw.Inode, Netns: raw.Netns, Port: raw.Port, Peer: raw.Peer,
			Key: listener.Key(raw.Sk), Kind: heldKind(raw.Kind), File: listener.Key(raw.File),
			Reads: raw.Mode&fmodeRead != 0, Writes: raw.Mode&fmodeWrite != 0, Made: raw.Mode&heldMade != 0,
		}
		if !seen[h] {
			seen[h] = true
			held = append(held, h)
		}
	})
	return held, err
}

// seeking runs a census while the kernel side knows what is sought.
func (k *Kernel) seeking(census func() error) (err error) {
	objects := k.sought
	k.sought = nil
	if len(objects) == 0 {
		return census()
	}
	sought := k.objs.maps.Maps[bpf.KernelMapSought]
	for _, o := range objects {
		if err = sought.Put(o, uint8(1)); err != nil {
			err = fmt.Errorf("seek an object: %w", err)
			break
		}
	}
	if err == nil {
		err = census()
	}
	return errors.Join(err, empty[uint64](sought))
}

// forgetEpolls empties the sets that were sought: the next walk of the waiters
// fills in those that still matter.
func (k *Kernel) forgetEpolls() error {
	return empty[uint64](k.objs.maps.Maps[bpf.KernelMapEpolls])
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
