package kernel

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// Sample looks at one listener now and at no other: at its queue, the head of that and its
// counters, not at who waits on it, nor at its settings. It is false of one that has gone,
// that listens no more, or at whose address another socket is. The next look tells all that
// it would have told without. Its program is loaded at the first call: whoever only watches
// has no use for it.
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
