package kernel

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// Waiters gives who waits on a listener now. known is false if that could not be read, or
// for LookOnly, whose looks give the waiters of all listeners.
func (k *Kernel) Waiters(l *listener.Listener) (ws []listener.Waiter, known bool, err error) {
	if k.walker == nil {
		return nil, false, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	io := bpf.KernelWaitersIo{Sk: uint64(l.Key), Cookie: uint64(l.Cookie)}
	if _, err := k.walker.Run(&ebpf.RunOptions{Context: &io}); err != nil {
		return nil, false, fmt.Errorf("walk the waiters of %s: %w", l.Local, err)
	}
	if err := k.objs.maps.Maps[bpf.KernelMapScratch].Lookup(uint32(0), &k.row); err != nil {
		return nil, false, fmt.Errorf("read the waiters of %s: %w", l.Local, err)
	}
	return waiters(&k.row), k.row.WaitersWalked != 0, nil
}
