package benchtest

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// BenchmarkTick is one look at many idle listeners, from the call to the answer, and
// the whole of a tick: look, join, judge; against `ss -lnt`, which prints them.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ns := livetest.Netns(b)
			hold(b, ns, n)
			w := watching(b, ns)
			w.expect(n)
			t := takeTurns(b, 9,
				side{"look", w.look},
				side{"tick", w.tick},
				side{"ss", func() (ms float64) {
					ns.Do(func() { ms = do(b, exec.Command("ss", "-Hlnt")).cpu })
					return ms
				}},
			)
			for _, name := range []string{"look", "tick", "ss"} {
				t.median(name, "ms")
			}
			t.ratio("ss", "look")
			t.ratio("ss", "tick")
		})
	}
}

// BenchmarkAllocations is what a steady tick allocates: of all, and for each listener.
func BenchmarkAllocations(b *testing.B) {
	const few, lot = 1000, 5000
	ns := livetest.Netns(b)
	hold(b, ns, few)
	atFew := allocations(b, ns)
	second := livetest.Netns(b)
	hold(b, second, lot)
	atLot := allocations(b, second)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(atFew, "allocs/tick")
	b.ReportMetric(max(0, (atLot-atFew)/(lot-few)), "allocs/listener")
}

// allocations is how many a tick makes, of several lots of ticks the fewest: whatever
// else listens on this host for a moment is none of them.
func allocations(b *testing.B, ns *livetest.Namespace) float64 {
	w := watching(b, ns)
	w.ticks(3)
	const lots, ticks = 8, 20
	fewest := math.Inf(1)
	for range lots {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.ticks(ticks)
		runtime.ReadMemStats(&after)
		fewest = min(fewest, float64(after.Mallocs-before.Mallocs)/ticks)
	}
	must(b, w.Close())
	return fewest
}

// watcher is what `run` has of it, less what it prints.
type watcher struct {
	*kernel.Kernel
	b      *testing.B
	watch  *watch.Watcher
	policy judge.Policy
	past   judge.Past
	seen   int
}

// watching sees the listeners of one namespace, and of the host, in the tracepoints tier.
func watching(b *testing.B, ns *livetest.Namespace) *watcher {
	b.Helper()
	k, err := kernel.Open(kernel.Options{
		Tier: listener.TierTracepoints, Namespaces: livetest.Only(ns),
	})
	must(b, err)
	b.Cleanup(func() { _ = k.Close() })
	w := &watcher{Kernel: k, b: b, policy: judge.Policy{Default: judge.Settings{StuckAfter: 10 * time.Second}}}
	w.watch = watch.New(k, watch.Options{
		Interval: time.Millisecond, StuckAfter: 10 * time.Second, Tier: listener.TierTracepoints,
		Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	})
	first, err := w.watch.Start()
	must(b, err)
	w.seen = len(first.Listeners)
	return w
}

func (w *watcher) expect(listeners int) {
	w.b.Helper()
	if w.seen < listeners {
		w.b.Fatalf("%d listeners seen of %d", w.seen, listeners)
	}
}

// look gives the milliseconds of a look.
func (w *watcher) look() float64 {
	return w.took(func() {
		_, err := w.Look(listener.LookQuick)
		must(w.b, err)
	})
}

// tick gives the milliseconds of a step of the watcher, its snapshot and all judgements.
func (w *watcher) tick() float64 { return w.took(func() { w.ticks(1) }) }

// ticks runs the watcher for some ticks.
func (w *watcher) ticks(n int) {
	ctx, cancel := context.WithCancel(w.b.Context())
	defer cancel()
	must(w.b, w.watch.Run(ctx, func(s *listener.Snapshot, _ []watch.Change) {
		judge.Judge(s, &w.policy, &w.past)
		if n--; n == 0 {
			cancel()
		}
	}))
}

func (w *watcher) took(do func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadCPU(w.b)
	do()
	return (threadCPU(w.b) - began) / 1e6
}
