package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// quietHost is a fake kernel side with many idle listeners: what a tick costs
// without what the kernel does in it.
type quietHost struct {
	n    int
	look listener.Look
	held []listener.Held
	busy []listener.Sample // of those that accept between any two looks
}

// newQuietHost: this process owns all of them; of ten, two are a group.
func newQuietHost(n int) *quietHost {
	h := &quietHost{n: n, look: listener.Look{At: time.Now(), Listeners: n, Complete: true}}
	for i := range n {
		s := listener.Sample{
			Key: listener.Key(i + 1), Cookie: listener.Cookie(i + 1), Netns: 1, Backlog: 4096,
			Local: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i >> 16), 1}), uint16(i)),
		}
		if i%10 < 2 {
			s.Group, s.GroupSize, s.Reuseport = listener.GroupKey(i/10+1), 2, true
			s.Local = netip.AddrPortFrom(s.Local.Addr(), uint16(i-i%10))
		}
		h.look.Samples = append(h.look.Samples, s)
		h.held = append(h.held, listener.Held{
			Kind: listener.HeldListener, PID: os.Getpid(), FD: i, Key: s.Key, Netns: 1, Port: s.Local.Port(),
		})
	}
	return h
}

func (h *quietHost) Enter() error                      { return nil }
func (h *quietHost) Events() ([]listener.Event, error) { return nil, nil }
func (h *quietHost) Census(each func(*listener.Held)) error {
	for i := range h.held {
		each(&h.held[i])
	}
	return nil
}
func (h *quietHost) Waiters(*listener.Listener) ([]listener.Waiter, bool, error) {
	return nil, true, nil
}
func (h *quietHost) SetCounted(map[listener.Key]uint32) error      { return nil }
func (h *quietHost) Things([]int) ([]listener.Thing, []int, error) { return nil, nil, nil }
func (h *quietHost) Seek([]listener.Key) error                     { return nil }
func (h *quietHost) WatchCalls([]int) error                        { return nil }
func (h *quietHost) Calls() (map[int]listener.Calls, error)        { return nil, nil }
func (h *quietHost) Processes(listener.Ask) (map[int]*listener.Process, error) {
	self := os.Getpid()
	return map[int]*listener.Process{self: {PID: self, Start: 1, NetNS: 1, Speaker: self}}, nil
}

func (h *quietHost) Look(listener.Depth) (listener.Look, error) {
	l := h.look
	for i := range h.busy {
		h.busy[i].Queue = 1
		h.busy[i].Head.Request++
	}
	h.look = listener.Look{At: l.At.Add(time.Second), Listeners: h.n, Samples: h.busy}
	return l, nil
}

// ticking is a daemon on a quiet host, once all is settled, and its tick.
func ticking(t testing.TB, h *quietHost) (tick func()) {
	log, told := slog.New(slog.DiscardHandler), NewOutlet(io.Discard)
	p := judge.Policy{Default: policy.Builtin()}
	d := &daemon{log: log, changes: report.NewChanges(p.Scope), notify: newNotifier(log, time.Second)}
	d.ruling = newRuling(t.Context(), log, journal.NewDir(t.TempDir()), p)
	d.teller = &teller{told: told, stream: wire.NewStream(told)}
	w := watch.New(h, watch.Options{
		Interval: time.Second, StuckAfter: 10 * time.Second,
		Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	})
	first, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	d.publish(t.Context(), first, nil)
	tick = func() {
		s, changes, err := w.Tick()
		if err != nil {
			t.Fatal(err)
		}
		d.publish(t.Context(), s, changes)
	}
	for range 30 {
		tick()
	}
	return tick
}

// TestSteadyTick: while nothing happens, a tick allocates no more for many listeners
// than for few.
func TestSteadyTick(t *testing.T) {
	const few, many, ticks = 100, 10_000, 40
	cost := func(n int) (allocs, bytes uint64) {
		tick := ticking(t, newQuietHost(n))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range ticks {
			tick()
		}
		runtime.ReadMemStats(&after)
		return (after.Mallocs - before.Mallocs) / ticks, (after.TotalAlloc - before.TotalAlloc) / ticks
	}
	least, leastBytes := cost(few)
	allocs, bytes := cost(many)
	t.Logf("a tick over %d listeners: %d allocations of %d bytes; over %d: %d of %d",
		few, least, leastBytes, many, allocs, bytes)
	if allocs > least+50 || bytes > leastBytes+5*many { // a pointer to each is more
		t.Errorf("a tick over %d listeners makes %d allocations of %d bytes; over %d it made %d of %d",
			many, allocs, bytes, few, least, leastBytes)
	}
}

// BenchmarkTick is all of a tick but what the kernel does; that is BenchmarkLook of
// internal/kernel.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		for _, busy := range []int{0, 1, n / 10} {
			h := newQuietHost(n)
			for i := range busy {
				h.busy = append(h.busy, h.look.Samples[i*10+5])
			}
			tick := ticking(b, h)
			b.Run(fmt.Sprintf("listeners=%d/busy=%d", n, busy), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					tick()
				}
			})
		}
	}
}
