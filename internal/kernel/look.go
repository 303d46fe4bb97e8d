package kernel

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// The flags of the tick program, as in tick.bpf.c.
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

// Look passes once over the listeners of all network namespaces. The samples
// are good until the next Look.
func (k *Kernel) Look(depth listener.Depth) (listener.Look, error) {
	if k.tier == listener.TierQueues {
		return k.LookQueues()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.entering.rest) > 0 {
		if err := k.enterRest(enterEach); err != nil {
			return listener.Look{}, err
		}
	}
	io, err := k.pass(depth)
	if err != nil {
		return listener.Look{}, err
	}
	restarted := false
	for io.LostListeners != k.seenLoss.LostListeners { // more may be born than there was made room for
		if err := k.grow(int(io.Listeners) + int(io.LostListeners-k.seenLoss.LostListeners)); err != nil {
			return listener.Look{}, err
		}
		restarted, depth = true, listener.LookAll
		if io, err = k.pass(depth); err != nil {
			return listener.Look{}, err
		}
	}
	look := listener.Look{
		At: time.Now(), Samples: k.samples, Complete: depth == listener.LookAll, Listeners: int(io.Listeners),
		Lost: io.LostEvents != k.seenLoss.LostEvents, Restarted: restarted,
	}
	k.seenLoss = io
	return look, nil
}

// pass runs the tick, again and again until every listener has found room for its row.
func (k *Kernel) pass(depth listener.Depth) (bpf.KernelTickIo, error) {
	// A complete look is rare, and its samples are many.
	if cap(k.samples) > 4*len(k.samples) {
		k.samples = nil
	}
	k.samples = k.samples[:0]
	k.looks++
	for {
		io := bpf.KernelTickIo{Flags: flags(depth), Number: k.looks}
		if err := k.run(&io); err != nil {
			return io, err
		}
		if err := k.readRows(int(io.Rows), time.Now().Add(-time.Duration(io.KtimeNs))); err != nil {
			return io, err
		}
		if io.More == 0 {
			return io, nil
		}
	}
}

func flags(d listener.Depth) uint64 {
	switch d {
	case listener.LookFull:
		return tickFull
	case listener.LookAll:
		return tickFull | tickAll
	default:
		return 0
	}
}

// readRows reads the rows that the tick wrote, without an allocation once the buffer has
// grown. boot is the wall time of ktime 0.
func (k *Kernel) readRows(n int, boot time.Time) error {
	row := memoryOf(&k.row)
	for i := range n {
		if _, err := k.rows.ReadAt(row, int64(i*len(row))); err != nil {
			return fmt.Errorf("read sample %d of %d: %w", i, n, err)
		}
		k.samples = append(k.samples, k.sampleOf(&k.row, boot))
	}
	return nil
}

// LookQueues is a look by the iterators alone: every listener of every network
// namespace that can be found, without counters.
func (k *Kernel) LookQueues() (listener.Look, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := time.Now()
	k.samples = k.samples[:0]
	err := k.eachNetns(bpf.KernelProgLookTcp, memoryOf(&k.row), func() {
		k.samples = append(k.samples, k.sampleOf(&k.row, time.Time{}))
	})
	if err == nil {
		err = k.served.mark(k)
	}
	if err != nil {
		return listener.Look{}, err
	}
	return listener.Look{At: at, Samples: k.samples, Complete: true, Listeners: len(k.samples)}, nil
}
