package kernel_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// watching is a watcher that runs over the kernel side, as `run` has it.
type watching struct {
	*watch.Watcher
	kernel *kernel.Kernel
	latest *atomic.Pointer[listener.Snapshot]
}

func startWatching(t *testing.T, k live, interval time.Duration) watching {
	t.Helper()
	opts := watch.Options{
		Interval: interval, StuckAfter: 10 * time.Second, Tier: k.tier,
		Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	}
	if k.Counting() == kernel.CountAlways {
		opts.CountsSince = k.Started()
	}
	w := watching{watch.New(k.Kernel, opts), k.Kernel, new(atomic.Pointer[listener.Snapshot])}
	first, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	w.latest.Store(first)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, func(s *listener.Snapshot, _ []watch.Change) { w.latest.Store(s) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// watch starts a watcher in each tier that ticks, slow enough for an emulated
// machine.
func (f *field) watch(t *testing.T) map[listener.Tier]watching {
	t.Helper()
	watched := make(map[listener.Tier]watching)
	for _, k := range f.ticking() {
		watched[k.tier] = startWatching(t, k, 300*time.Millisecond)
	}
	return watched
}

// skipped gives how many runs of our programs the kernel has skipped: an interrupt that comes
// upon the tracepoint while its program runs there does not start it again.
func (w watching) skipped(t *testing.T) int {
	t.Helper()
	stats, err := w.kernel.Stats()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range stats {
		n += int(s.RecursionMisses)
	}
	return n
}

// now gives what the watcher knows after another look.
func (w watching) now(t *testing.T) *listener.Snapshot {
	t.Helper()
	s, err := w.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ticked gives what the watcher knows after its next tick that began later.
func (w watching) ticked(t *testing.T) *listener.Snapshot {
	t.Helper()
	var s *listener.Snapshot
	// A snapshot is published when its look has ended: that of the first one may
	// have begun before us.
	for range 2 {
		last := w.latest.Load()
		livetest.Eventually(t, "the watcher looks", func() bool { s = w.latest.Load(); return s != last })
	}
	return s
}

func find(t *testing.T, s *listener.Snapshot, l *livetest.Listener) *listener.Listener {
	t.Helper()
	for _, found := range s.Listeners {
		if found.Inode == l.Inode {
			return found
		}
	}
	t.Fatalf("no listener on %s in the snapshot", l.Addr)
	return nil
}
