package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
)

// grow loads the kernel side anew, with room for a quarter more listeners than there are
// now and at least for twice as many as before. The counters begin anew, and births and
// deaths meanwhile show in the look that follows.
func (k *Kernel) grow(needed int) error {
	opts := k.opts
	opts.Capacity = max(needed+needed/4, 2*k.objs.capacity())
	bigger, err := k.bigger(opts)
	for errors.Is(err, unix.E2BIG) && opts.Capacity < mostCapacity { // that many were born meanwhile
		opts.Capacity *= 2
		bigger, err = k.bigger(opts)
	}
	if err != nil {
		return fmt.Errorf("make room for %d listeners: %w", opts.Capacity, err)
	}
	watched := k.calls.watched()
	err = k.unload()
	k.loaded = bigger.loaded
	return errors.Join(err, k.watchCalls(watched))
}

// mostCapacity is more than a host has ports for in a thousand namespaces.
const mostCapacity = 1 << 26

// bigger opens another kernel side that knows the listeners of this one. The error wraps
// unix.E2BIG if it had no room for them.
func (k *Kernel) bigger(opts Options) (*Kernel, error) {
	bigger, err := openTier(k.tier, opts)
	if err != nil {
		return nil, err
	}
	if err = k.handOver(bigger); err == nil {
		err = bigger.enter()
	}
	if err != nil {
		return nil, errors.Join(err, bigger.unload())
	}
	return bigger, nil
}

// handOver enters the listeners of this kernel side into a bigger one, also those of
// network namespaces that could not be found again.
func (k *Kernel) handOver(bigger *Kernel) error {
	var key uint64
	var l bpf.KernelListener
	to := bigger.objs.maps.Maps[bpf.KernelMapListeners]
	known := k.objs.maps.Maps[bpf.KernelMapListeners].Iterate()
	for known.Next(&key, &l) {
		kept := bpf.KernelListener{Cookie: l.Cookie}
		if bigger.count == CountAlways {
			kept.Counting = 1
		}
		// One that was born meanwhile at the same address is there already.
		if err := to.Update(key, kept, ebpf.UpdateNoExist); err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
			return fmt.Errorf("hand a listener over: %w", err)
		}
	}
	// Listeners that die meanwhile may end the walk early; those that can be found are entered anew.
	if err := known.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return fmt.Errorf("read the listeners to hand over: %w", err)
	}
	return nil
}
