package kernel

import (
	"fmt"

	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// openReaders loads the programs by which user space reads the kernel side.
func (k *Kernel) openReaders() (err error) {
	iters := []string{bpf.KernelProgLookTcp, bpf.KernelProgCensus, bpf.KernelProgTellTasks}
	if k.symbols.program, err = k.objs.load(bpf.KernelProgNameSymbol); err != nil {
		return err
	}
	if !k.opts.LookOnly {
		if k.walker, err = k.objs.load(bpf.KernelProgWalkWaiters); err != nil {
			return err
		}
		iters = append(iters, bpf.KernelProgTellHeld)
	}
	switch {
	case k.opts.LookOnly:
	case k.tier == listener.TierQueues:
		iters = append(iters, bpf.KernelProgServedTcp)
	default:
		if k.tick, err = k.objs.load(bpf.KernelProgTick); err != nil {
			return err
		}
		iters = append(iters, bpf.KernelProgEnterTcp, bpf.KernelProgEnterFile, bpf.KernelProgCountTcp, bpf.KernelProgCountFile)
		k.loadCalls()
		if k.rows, err = k.objs.maps.Maps[bpf.KernelMapSamples].Memory(); err != nil {
			return fmt.Errorf("map the samples: %w", err)
		}
		if k.reader, err = ringbuf.NewReader(k.objs.maps.Maps[bpf.KernelMapEvents]); err != nil {
			return fmt.Errorf("read the ring buffer: %w", err)
		}
	}
	for _, name := range iters {
		if err := k.openIterator(name); err != nil {
			return err
		}
	}
	return nil
}

// openIterator loads and attaches an iterator, unless that is done.
func (k *Kernel) openIterator(name string) error {
	if k.iters[name] != nil {
		return nil
	}
	prog, err := k.objs.load(name)
	if err != nil {
		return err
	}
	if k.iters[name], err = link.AttachIter(link.IterOptions{Program: prog}); err != nil {
		delete(k.iters, name)
		return fmt.Errorf("attach iterator %s: %w", name, err)
	}
	return nil
}
