package kernel

import (
	"fmt"
	"maps"
	"slices"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
)

// SetCounted makes the kernel side count these listeners, each in its network namespace,
// and no others. Where counting is always on it does nothing. The queues tier, which counts
// nothing, seeks connections that they accepted instead.
func (k *Kernel) SetCounted(of map[listener.Key]uint32) error {
	if k.count == CountAlways && k.tier != listener.TierQueues {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tier == listener.TierQueues {
		return k.served.want(k, slices.Collect(maps.Keys(of)))
	}
	counted := k.objs.maps.Maps[bpf.KernelMapCounted]
	before := k.countedIn
	k.countedIn = make(map[uint32]bool)
	for key, in := range of {
		k.countedIn[in] = true
		if err := counted.Put(uint64(key), uint8(1)); err != nil {
			return fmt.Errorf("count a listener: %w", err)
		}
	}
	var key uint64
	var on uint8
	var ended []uint64
	entries := counted.Iterate()
	for entries.Next(&key, &on) {
		if _, wanted := of[listener.Key(key)]; !wanted {
			ended = append(ended, key)
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("read what is counted: %w", err)
	}
	for _, key := range ended {
		if err := counted.Delete(key); err != nil {
			return fmt.Errorf("stop counting a listener: %w", err)
		}
	}
	// Nothing has changed in other namespaces.
	maps.Copy(before, k.countedIn)
	return k.recount(before)
}

// recount makes the kernel side start and end the counting in these network namespaces, by
// way of descriptors where one of them cannot be found or entered.
func (k *Kernel) recount(in map[uint32]bool) error {
	all, err := k.network()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(n netns.Namespace) bool { return !in[n.Inode] })
	if failed := k.inEach(all, bpf.KernelProgCountTcp, nil, nil); len(failed) == 0 && len(all) == len(in) {
		return nil
	}
	return k.iterate(bpf.KernelProgCountFile, nil, nil, nil)
}
