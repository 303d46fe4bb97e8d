package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
)

// SetCounted makes the kernel side count these listeners, each in its network namespace,
// and no others. Where counting is always on it does nothing; the queues tier, which counts
// nothing, looks for connections that they accepted instead.
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
	// Elsewhere nothing has changed.
	maps.Copy(before, k.countedIn)
	return k.recount(before)
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

// eachNetns runs a socket iterator in each network namespace, as iterate does. One
// that cannot be entered, because it went away meanwhile or for whatever reason, is
// skipped: what it alone has stays unseen. It is an error only where none can be.
func (k *Kernel) eachNetns(program string, row []byte, each func()) error {
	all, err := k.network()
	if err != nil {
		return err
	}
	if failed := k.inEach(all, program, row, each); len(failed) > 0 && len(failed) == len(all) {
		return errors.Join(failed...)
	}
	return nil
}

// inEach gives why it could not be done in some of them.
func (k *Kernel) inEach(all []netns.Namespace, program string, row []byte, each func()) (failed []error) {
	for i := range all {
		err := k.iterate(program, &all[i], row, each)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			failed = append(failed, err)
		}
	}
	return failed
}

// iterate opens an iterator, in a network namespace unless that is nil, and calls each
// for every record that it writes, once it is in row. Both are nil for a program that
// writes nothing.
func (k *Kernel) iterate(program string, in *netns.Namespace, row []byte, each func()) error {
	return read(k.iters[program], program, in, row, each)
}

func read(it *link.Iter, program string, in *netns.Namespace, row []byte, each func()) error {
	var rd io.ReadCloser
	open := func() (err error) {
		rd, err = it.Open()
		return err
	}
	var err error
	if in == nil {
		err = open()
	} else {
		err = in.Do(open)
	}
	if err != nil {
		return fmt.Errorf("open iterator %s: %w", program, err)
	}
	defer rd.Close()
	if row == nil {
		_, err = io.Copy(io.Discard, onward{rd})
	}
	for records := bufio.NewReaderSize(onward{rd}, iterBuffer); row != nil && err == nil; {
		if _, err = io.ReadFull(records, row); err == nil {
			each()
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read iterator %s: %w", program, err)
	}
	return nil
}

// onward goes on where the kernel wants to be asked again: after a million objects that
// brought no record (MAX_ITER_OBJECTS of kernel/bpf/bpf_iter.c), as of a process that
// has duplicated a descriptor that often.
type onward struct{ io.Reader }

func (o onward) Read(b []byte) (int, error) {
	for {
		n, err := o.Reader.Read(b)
		if n > 0 || !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
	}
}

// iterBuffer is as much as the kernel gives at once.
const iterBuffer = 32 << 10

// memoryOf is v as it lies in memory. The types of records are made from those of
// the programs, padding and all.
func memoryOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
