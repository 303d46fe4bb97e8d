package kernel

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// The flags of the tick program, as in reusewatch.bpf.c.
const (
	tickFull = 1
	tickAll  = 2
)

func (k *Kernel) run(io *bpf.KernelTickIo) error {
	if _, err := k.tick.Run(&ebpf.RunOptions{Context: io, ContextOut: io}); err != nil {
		return fmt.Errorf("run the tick program: %w", err)
	}
	return nil
}

// instant reads the kernel's clocks. Before anything is entered the map is
// empty and this looks at no listener.
func (k *Kernel) instant() (instant, error) {
	var io bpf.KernelTickIo
	if err := k.run(&io); err != nil {
		return instant{}, err
	}
	return instant{time.Duration(io.KtimeNs), io.Jiffies}, nil
}

// Look passes once over the listeners of all network namespaces. The samples
// are good until the next Look.
func (k *Kernel) Look(depth listener.Depth) (listener.Look, error) {
	if k.tier == listener.TierQueues {
		return k.LookQueues()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	io := bpf.KernelTickIo{}
	switch depth {
	case listener.LookFull:
		io.Flags = tickFull
	case listener.LookAll:
		io.Flags = tickFull | tickAll
	default: // listener.LookQuick
	}
	if err := k.run(&io); err != nil {
		return listener.Look{}, err
	}
	at := time.Now()
	if err := k.readRows(int(io.Rows)); err != nil {
		return listener.Look{}, err
	}
	boot := at.Add(-time.Duration(io.KtimeNs))
	k.samples = k.samples[:0]
	for i := range k.raw {
		k.samples = append(k.samples, k.sample(&k.raw[i], boot))
	}
	look := listener.Look{
		At: at, Samples: k.samples, Complete: depth == listener.LookAll, Listeners: int(io.Listeners),
		Lost: io.LostEvents != k.seenLoss.LostEvents,
		Full: io.LostListeners != k.seenLoss.LostListeners,
	}
	k.seenLoss = io
	return look, nil
}

// readRows copies the rows that the tick wrote, without an allocation once the
// buffer has grown.
func (k *Kernel) readRows(n int) error {
	if cap(k.raw) < n {
		k.raw = make([]bpf.KernelSample, n)
	}
	k.raw = k.raw[:n]
	if n == 0 {
		return nil
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&k.raw[0])), n*int(unsafe.Sizeof(k.raw[0])))
	if _, err := k.rows.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read %d samples: %w", n, err)
	}
	return nil
}
