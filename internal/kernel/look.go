package kernel

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

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
	for io.LostListeners != k.seenLoss.LostListeners { // again, where more are born than there was made room for
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

// pass runs the tick, again and again if its rows have no room for all.
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

// grow loads the kernel side anew with room for a quarter more listeners than are
// needed now, and for twice as many as before. The counters begin anew, and what was
// born or died meanwhile shows in the look that follows.
func (k *Kernel) grow(needed int) error {
	opts := k.opts
	opts.Capacity = max(needed+needed/4, 2*k.objs.capacity())
	bigger, err := k.bigger(opts)
	for errors.Is(err, unix.E2BIG) && opts.Capacity < mostCapacity { // as many were born meanwhile
		opts.Capacity *= 2
		bigger, err = k.bigger(opts)
	}
	if err != nil {
		return fmt.Errorf("make room for %d listeners: %w", opts.Capacity, err)
	}
	watched := k.calls.watched()
	err = k.unload()
	k.objs, k.links, k.lost, k.iters = bigger.objs, bigger.links, bigger.lost, bigger.iters
	k.reader, k.rows = bigger.reader, bigger.rows
	k.tick, k.walker, k.sampler, k.symbols = bigger.tick, bigger.walker, bigger.sampler, bigger.symbols
	k.started, k.seenLoss = bigger.started, bpf.KernelTickIo{}
	k.calls, k.entering, k.countedIn = bigger.calls, bigger.entering, bigger.countedIn
	return errors.Join(err, k.watchCalls(watched))
}

// mostCapacity is more than a host has ports for in a thousand namespaces.
const mostCapacity = 1 << 26

// bigger opens another one that knows what k does. The error wraps unix.E2BIG where there
// was no room for that.
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

// handOver enters what k knows into a bigger kernel side: also listeners of
// network namespaces that nobody could find again.
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

// readRows takes the rows that the tick wrote, without an allocation once the
// buffer has grown. boot is the wall time of ktime 0.
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
