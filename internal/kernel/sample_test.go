package kernel_test

import (
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// sampleNow samples the listener of an earlier sample.
func sampleNow(t *testing.T, k live, s listener.Sample) (listener.Sample, bool) {
	t.Helper()
	now, there, err := k.Sample(&listener.Listener{Sample: s})
	if err != nil {
		t.Fatal(err)
	}
	return now, there
}

// A sample of one listener has its queue and the head of that, until the listener has gone.
func testSample(t *testing.T, f *field) {
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			ns := f.netns(t)
			for name, o := range map[string]livetest.Listen{
				"v4": {}, "v6": {Family: livetest.V6}, "mptcp": {MPTCP: true}, "in a group": {Reuseport: true},
			} {
				t.Run(name, func(t *testing.T) { testSampleQueue(t, k, ns.Listen(o), ns, o.Family) })
			}
			t.Run("another at its address", func(t *testing.T) { testSampleAnother(t, k, ns) })
		})
	}
}

func testSampleQueue(t *testing.T, k live, l *livetest.Listener, ns *livetest.Namespace, from livetest.Family) {
	first := sampleOf(t, k, l)
	if now, there := sampleNow(t, k, first); !there || now.Queue != 0 || now.Head != (listener.Head{}) {
		t.Fatalf("of an empty queue: %+v, there %v", now, there)
	}
	for range 2 {
		ns.Dial(livetest.Dial{To: l.Dest(from)})
	}
	livetest.AwaitQueue(2, l)
	waiting, there := sampleNow(t, k, first)
	if !there || waiting.Queue != 2 || waiting.Head == (listener.Head{}) || !waiting.OldestWait.IsKnown() {
		t.Fatalf("two wait: %+v, there %v", waiting, there)
	}
	// Sampling one listener changes nothing for the next look, and both see the same.
	s := sampleOf(t, k, l)
	again, _ := sampleNow(t, k, first)
	for _, now := range []listener.Sample{s, again} {
		same := now.Head == waiting.Head && now.Backlog == waiting.Backlog && now.Local == waiting.Local &&
			now.Cookie == waiting.Cookie && now.Inode == waiting.Inode && now.Group == waiting.Group
		if !same || now.Queue != 2 || now.Queued != waiting.Queued {
			t.Errorf("%+v, want what was seen before: %+v", now, waiting)
		}
	}
	if k.tier != queues {
		if n, _ := again.Queued.Get(); n != 2 {
			t.Errorf("%v queued, want 2", again.Queued)
		}
	}
	l.Accept()
	if now, there := sampleNow(t, k, first); !there || now.Queue != 1 || now.Head == waiting.Head {
		t.Errorf("after an accept: %+v, there %v; the head was %+v", now, there, waiting.Head)
	}
	other := first
	other.Cookie++
	if now, there := sampleNow(t, k, other); there {
		t.Errorf("with another cookie: %+v", now)
	}
	l.Shutdown()
	if now, there := sampleNow(t, k, first); there {
		t.Errorf("after its shutdown: %+v", now)
	}
	if err := l.Listen(0); err != nil {
		t.Fatal(err)
	}
	if _, there := sampleNow(t, k, first); !there {
		t.Error("it listens again, and is not there")
	}
	l.Close()
	if now, there := sampleNow(t, k, first); there {
		t.Errorf("after its end: %+v", now)
	}
}

// The kernel reuses the memory of a closed listener for another one, once no CPU can be using
// it any more.
func testSampleAnother(t *testing.T, k live, ns *livetest.Namespace) {
	var closed []listener.Sample
	for range 20 {
		l := ns.Listen(livetest.Listen{})
		closed = append(closed, sampleOf(t, k, l))
		l.Close()
	}
	again := func() int {
		for range 20 {
			ns.Listen(livetest.Listen{})
		}
		all, _ := look(t, k)
		n := 0
		for _, old := range closed {
			if slices.ContainsFunc(all.Samples, func(s listener.Sample) bool { return s.Key == old.Key }) {
				n++
			}
			if now, there := sampleNow(t, k, old); there {
				t.Fatalf("%+v in place of %+v", now, old)
			}
		}
		return n
	}
	livetest.Eventually(t, "an address is given out again", func() bool { return again() > 0 })
}

// TestSampleBetweenTicks: what a sample of one listener showed is still news to the next tick,
// and the samples of the last look stay as they are.
func TestSampleBetweenTicks(t *testing.T) {
	livetest.Root(t)
	f := &field{t: t}
	ns := f.netns(t)
	f.load(kernel.Options{Count: kernel.CountAlways}, functions, tracepoints)
	for _, k := range f.kernels {
		t.Run(string(k.tier), func(t *testing.T) {
			if err := k.Enter(); err != nil {
				t.Fatal(err)
			}
			l := ns.Listen(livetest.Listen{})
			before, err := k.Look(listener.LookAll)
			if err != nil {
				t.Fatal(err)
			}
			was := byInode(before)
			ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
			livetest.AwaitQueue(1, l)
			if now, there := sampleNow(t, k, was[l.Inode]); !there || now.Queue != 1 {
				t.Fatalf("%+v, there %v", now, there)
			}
			if kept := byInode(before)[l.Inode]; kept.Queue != 0 {
				t.Errorf("the look before now tells %+v", kept)
			}
			tick, err := k.Look(listener.LookQuick)
			if err != nil {
				t.Fatal(err)
			}
			if s := byInode(tick)[l.Inode]; s.Queue != 1 || s.Queued != listener.Counted(1) {
				t.Errorf("the tick tells %+v", s)
			}
		})
	}
}

// BenchmarkSample measures what an act does each 25 ms, beside ten thousand other listeners.
func BenchmarkSample(b *testing.B) {
	ns := livetest.Netns(b)
	for range 10_000 {
		ns.Listen(livetest.Listen{})
	}
	k, err := kernel.Open(kernel.Options{Capacity: 12_000, Namespaces: livetest.Only(ns)})
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	if err := k.Enter(); err != nil {
		b.Fatal(err)
	}
	all, err := k.Look(listener.LookAll)
	if err != nil {
		b.Fatal(err)
	}
	l := &listener.Listener{Sample: all.Samples[0]}
	b.ReportAllocs()
	for b.Loop() {
		if _, there, err := k.Sample(l); err != nil || !there {
			b.Fatal(there, err)
		}
	}
}
