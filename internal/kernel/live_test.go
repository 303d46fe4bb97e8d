package kernel_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/netns"
)

const (
	functions   = listener.TierFunctions
	tracepoints = listener.TierTracepoints
	queues      = listener.TierQueues
)

// TestLive has the kernel side loaded in all tiers at once, because loading is
// what takes long in an emulated machine, and tries each subject on all of them:
// they look at the same listeners at the same time.
func TestLive(t *testing.T) {
	livetest.Root(t)
	f := &field{t: t}
	old := newOldListeners(t, f)
	f.load(kernel.Options{Count: kernel.CountAlways}, functions, tracepoints, queues)
	for _, k := range f.kernels {
		if err := k.Enter(); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []struct {
		name string
		test func(*testing.T, *field)
	}{
		{"listeners of all namespaces", old.testAllNamespaces},
		{"accepted of an old queue", old.testAccepted},
		{"counts", testCounts},
		{"adopted", testAdopted},
		{"half-open", testHalfOpen},
		{"full queue", testFullQueue},
		{"queues tier counts nothing", testQueuesTierCountsNothing},
		{"births and deaths", testBirthsAndDeaths},
		{"listen that fails", testListenThatFails},
		{"birth of mptcp", testBirthOfMPTCP},
		{"birth without bind", testBirthWithoutBind},
		{"lost events", testLostEvents},
		{"depth of a look", testDepth},
		{"oldest wait", testOldestWait},
		{"nobody waits", testNobodyWaits},
		{"head of a prober", testHeadOfAProber},
		{"head stays", testHeadStays},
		{"waiters", testWaiters},
		{"blocked accept", testBlockedAccept},
		{"census of listeners", testCensusOfListeners},
		{"census of a thread", testCensusOfThread},
		{"census of connections", testCensusOfConnections},
		{"listener in flight", testListenerInFlight},
		{"a look at one", testSample},
		{"settings", testSettings},
		{"half-open requests", testHalfOpenRequests},
		{"program of a group", testProgramOfGroup},
		{"processes as /proc has them", testProcesses},
		{"processes of all kinds", testProcessKinds},
		{"guests", testGuests},
		{"running", testRunning},
		{"frozen", testFrozen},
		{"throttled", testThrottled},
		{"system calls", testCalls},
		{"things", testThings},
		{"async things", testAsync},
		{"children", testChildren},
		{"more than is given at once", testManyHeld},
		{"many children", testManyChildren},
		{"timers", testTimers},
		{"what a thread waits on", testWaitsOn},
		{"holders of what is sought", testSeek},
		{"calls of who is watched", testWatchCalls},
		{"refused accepts", testRefusedAccepts},
	} {
		t.Run(subject.name, func(t *testing.T) { subject.test(t, f) })
	}
}

// live is the kernel side in one tier.
type live struct {
	*kernel.Kernel
	tier listener.Tier
}

// field is what a test watches: namespaces that it made, the kernel side in
// several tiers.
type field struct {
	t       *testing.T
	kernels []live
	types   *btf.Cache

	mu         sync.Mutex
	namespaces []*livetest.Namespace
}

// netns makes a namespace that the kernel side can find, for as long as t runs.
func (f *field) netns(t *testing.T) *livetest.Namespace {
	t.Helper()
	ns := livetest.Netns(t)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.namespaces = append(f.namespaces, ns)
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.namespaces = slices.DeleteFunc(f.namespaces, func(n *livetest.Namespace) bool { return n == ns })
	})
	return ns
}

func (f *field) look(all []netns.Namespace) ([]netns.Namespace, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return livetest.Only(f.namespaces...)(all)
}

// load loads the kernel side in each of these tiers. Only the functions tier may
// be missing, and only with an excuse.
func (f *field) load(opts kernel.Options, tiers ...listener.Tier) {
	f.t.Helper()
	if f.types == nil {
		f.types = btf.NewCache()
	}
	opts.Namespaces = f.look
	opts = opts.Sharing(f.types)
	for _, tier := range tiers {
		opts.Tier = tier
		k, err := kernel.Open(opts)
		if err != nil {
			f.t.Fatal(err)
		}
		end := func() {
			if err := k.Close(); err != nil {
				f.t.Error(err)
			}
		}
		got, reasons, lost := k.Tier()
		if got == tier {
			f.t.Cleanup(end)
			f.kernels = append(f.kernels, live{k, tier})
			if len(lost) > 0 {
				f.t.Errorf("signals lost: %+v", lost)
			}
			continue
		}
		end()
		excuse := excused(f.t, reasons)
		if tier != functions || excuse == "" {
			f.t.Fatalf("tier %s runs, not %s: %+v", got, tier, reasons)
		}
		f.t.Log(excuse)
	}
}

// ticking gives the tiers that have a tick: all but queues.
func (f *field) ticking() []live {
	return slices.DeleteFunc(slices.Clone(f.kernels), func(k live) bool { return k.tier == queues })
}

// look looks at everything and gives the samples by the socket's inode.
func look(t *testing.T, k live) (listener.Look, map[uint64]listener.Sample) {
	t.Helper()
	l, err := k.Look(listener.LookAll)
	if err != nil {
		t.Fatal(err)
	}
	return l, byInode(l)
}

func byInode(l listener.Look) map[uint64]listener.Sample {
	samples := make(map[uint64]listener.Sample, len(l.Samples))
	for _, s := range l.Samples {
		if s.Inode != 0 {
			samples[s.Inode] = s
		}
	}
	return samples
}

// sampleOf looks at everything and gives the sample of l, which must be there.
func sampleOf(t *testing.T, k live, l *livetest.Listener) listener.Sample {
	t.Helper()
	_, samples := look(t, k)
	s, there := samples[l.Inode]
	if !there {
		t.Fatalf("%s: no sample of the listener on %s", k.tier, l.Addr)
	}
	return s
}
