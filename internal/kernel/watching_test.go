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
	latest *atomic.Pointer[listener.Snapshot]
}

func startWatching(t *testing.T, k live) watching {
	t.Helper()
	opts := watch.Options{
		Interval: 50 * time.Millisecond, StuckAfter: 10 * time.Second, Tier: k.tier, Proc: proc.New(""),
	}
	if k.Counting() == kernel.CountAlways {
		opts.CountsSince = k.Started()
	}
	w := watch.New(k.Kernel, opts)
	first, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	latest := new(atomic.Pointer[listener.Snapshot])
	latest.Store(first)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, func(s *listener.Snapshot, _ []watch.Change) { latest.Store(s) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return watching{latest}
}

// snapshot gives one that was taken after the call began, by the socket's inode.
func (w watching) snapshot(t *testing.T) map[uint64]*listener.Listener {
	t.Helper()
	var s *listener.Snapshot
	// A look is dated when it has ended, so the first one may have begun before us.
	for range 2 {
		last := w.latest.Load()
		livetest.Eventually(t, "the watcher looks", func() bool { s = w.latest.Load(); return s != last })
	}
	listeners := make(map[uint64]*listener.Listener, len(s.Listeners))
	for _, l := range s.Listeners {
		listeners[l.Inode] = l
	}
	return listeners
}
