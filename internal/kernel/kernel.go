package kernel

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
)

// Count is when listeners are counted.
type Count string

// CountAlways counts every listener from its birth on; CountSuspected only the
// groups that SetCounted names.
const (
	CountAlways    Count = "always"
	CountSuspected Count = "suspected"
)

const defaultCapacity = 4096

// Options of Open.
type Options struct {
	Tier     listener.Tier // the highest to try; "" is functions
	Count    Count         // "" is always in the functions tier, suspected below
	Capacity int           // listeners to hold, rounded up to a power of two; 0 is 4096
	// Namespaces is given the network namespaces that processes are in, and gives all that
	// are to be entered: also those that a mount or the caller keeps. Nil: just those.
	Namespaces func([]netns.Namespace) ([]netns.Namespace, error)
	// LookOnly loads the iterators alone and attaches nothing.
	LookOnly bool
	// Types of the kernel, where /sys does not show its own; nil: its own.
	Types *Types

	// For tests.
	prepare func(*ebpf.CollectionSpec) // changes the programs before they are loaded
	decoded *btf.Cache                 // the kernel's types, which several kernel sides share
}

// Kernel is the loaded kernel side. Its methods may be called from any
// goroutine; one runs at a time.
type Kernel struct {
	mu         sync.Mutex
	opts       Options
	tier       listener.Tier
	reasons    []TierReason
	count      Count
	clock      clock
	mostThings int // how many things of one process are reported
	loaded

	looks    uint64          // how many looks there were
	sought   []uint64        // the objects whose holders the next census finds
	counting atomic.Bool     // a census is under way
	served   served          // in the queues tier
	programs map[uint32]bool // of programs that choose the member of a group, whether they are ours

	row     bpf.KernelSample // these three are reused
	samples []listener.Sample
	record  ringbuf.Record
}

// loaded is what was loaded into the kernel, and what is known of that alone. To make room
// for more listeners all of it is made anew.
type loaded struct {
	objs      *objects
	links     []link.Link
	lost      []Lost
	iters     map[string]*link.Iter
	reader    *ringbuf.Reader
	rows      *ebpf.Memory
	tick      *ebpf.Program
	walker    *ebpf.Program
	sampler   *ebpf.Program // nil until the first Sample
	symbols   symbols
	calls     calls
	started   time.Time
	seenLoss  bpf.KernelTickIo
	entering  entering
	countedIn map[uint32]bool // the network namespaces of listeners that are counted on demand
}

// TierReason says why a tier is not the one that runs.
type TierReason struct {
	Tier listener.Tier
	Err  error
}

// Open loads the kernel side in the highest tier that really attaches. On a
// host where nothing can be observed the error is a *CannotObserve.
func Open(opts Options) (*Kernel, error) {
	host, err := Inspect(opts.Types)
	if err != nil {
		return nil, err
	}
	if err := host.check(); err != nil {
		return nil, err
	}
	tiers := []listener.Tier{listener.TierFunctions, listener.TierTracepoints, listener.TierQueues}
	if opts.LookOnly {
		opts.Tier = listener.TierQueues
	}
	var reasons []TierReason
	for _, t := range tiers {
		if rank(t) < rank(opts.Tier) {
			if !opts.LookOnly {
				reasons = append(reasons, TierReason{t, errors.New("a lower one was asked for (--tier)")})
			}
			continue
		}
		k, err := openTier(t, opts)
		if err == nil {
			k.reasons = reasons
			return k, nil
		}
		reasons = append(reasons, TierReason{t, err})
	}
	return nil, host.cannotLoad(reasons)
}

func rank(t listener.Tier) int {
	switch t {
	case listener.TierTracepoints:
		return 1
	case listener.TierQueues:
		return 2
	default:
		return 0
	}
}

func openTier(t listener.Tier, opts Options) (_ *Kernel, err error) {
	c, err := newClock()
	if err != nil {
		return nil, err
	}
	count := opts.Count
	if count == "" && t == listener.TierFunctions {
		count = CountAlways
	}
	capacity := max(opts.Capacity, 0)
	if capacity == 0 {
		capacity = defaultCapacity
	}
	objs, err := newObjects(uint32(1)<<bits.Len32(uint32(capacity-1)), constants{
		countAll:      count == CountAlways,
		countChildren: t == listener.TierTracepoints,
		countsExact:   t == listener.TierFunctions && count == CountAlways,
	}, &opts)
	if err != nil {
		return nil, err
	}
	k := &Kernel{
		opts: opts, tier: t, count: count, clock: c, mostThings: maxThings, programs: make(map[uint32]bool),
		loaded: loaded{
			objs: objs, iters: make(map[string]*link.Iter), symbols: symbols{names: make(map[uint64]string)},
			started: time.Now(), countedIn: make(map[uint32]bool),
		},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if k.links, k.lost, err = attach(objs, t); err != nil {
		return nil, err
	}
	if err := k.openReaders(); err != nil {
		return nil, err
	}
	objs.types = nil
	return k, nil
}

// Tier says which tier runs, why no higher one does, and what the running one lacks.
func (k *Kernel) Tier() (listener.Tier, []TierReason, []Lost) { return k.tier, k.reasons, k.lost }

// Counting says when listeners are counted.
func (k *Kernel) Counting() Count {
	if k.tier == listener.TierQueues {
		return ""
	}
	if k.count == "" {
		return CountSuspected
	}
	return k.count
}

// Started is when the counting began, where it is always on.
func (k *Kernel) Started() time.Time { return k.started }

// has says whether the running tier gives a signal.
func (k *Kernel) has(s Signal) bool {
	for _, h := range hooksOf(k.tier) {
		if h.signal == s {
			for _, l := range k.lost {
				if l.Signal == s {
					return false
				}
			}
			return true
		}
	}
	return false
}

// Stats says what each loaded program costs.
func (k *Kernel) Stats() ([]ProgramStats, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	stats := make([]ProgramStats, 0, len(k.objs.progs))
	for _, p := range k.objs.progs {
		s, err := statsOf(p)
		if err != nil {
			return nil, err
		}
		stats = append(stats, s)
	}
	return stats, nil
}

// RunTime gives how long the programs at the hooks ran, and how often, while CountRunTime
// is on. It begins anew when the kernel side makes room for more listeners.
func (k *Kernel) RunTime() (took time.Duration, runs uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.objs.hooks {
		s, err := p.Stats()
		if err != nil {
			return 0, 0, fmt.Errorf("statistics of %s: %w", p, err)
		}
		took, runs = took+s.Runtime, runs+s.RunCount
	}
	return took, runs, nil
}

// CountRunTime makes the kernel count the run time of all BPF programs of the host
// until it is closed. It needs CAP_SYS_ADMIN.
func CountRunTime() (io.Closer, error) {
	c, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("turn on the kernel's BPF statistics: %w", err)
	}
	return c, nil
}

// Room says how many listeners are remembered, and how many can be before the map is
// grown; both are 0 in the queues tier, which remembers none.
func (k *Kernel) Room() (entries, capacity int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tier == listener.TierQueues {
		return 0, 0
	}
	return int(k.seenLoss.Listeners), k.objs.capacity()
}

// Close detaches and frees everything.
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unload()
}

func (k *Kernel) unload() error {
	errs := []error{closeLinks(k.links), k.calls.detach()}
	if k.reader != nil {
		errs = append(errs, k.reader.Close())
	}
	for _, it := range k.iters {
		errs = append(errs, it.Close())
	}
	errs = append(errs, k.objs.close())
	if err := errors.Join(errs...); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("unload the kernel side: %w", err)
	}
	return nil
}
