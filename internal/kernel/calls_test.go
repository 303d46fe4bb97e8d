package kernel_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// watchCalls watches the calls of these processes until the test ends.
func watchCalls(t *testing.T, k live, pids ...int) {
	t.Helper()
	if err := k.WatchCalls(pids); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.WatchCalls(nil); err != nil {
			t.Error(err)
		}
	})
}

func calls(t *testing.T, k live) map[int]listener.Calls {
	t.Helper()
	all, err := k.Calls()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// testWatchCalls: the bytes that the calls of a process move are counted while it is watched,
// and those of no other process.
func testWatchCalls(t *testing.T, f *field) {
	ns := f.netns(t)
	l := ns.Listen(livetest.Listen{})
	client := ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)}).FD
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	must := mustFD(t)
	must(pipe[0], nil)
	must(pipe[1], nil)
	server := -1
	// 300 bytes there, 300 back, received by two kinds of calls; and 50 by splice.
	traffic := func() {
		t.Helper()
		if server < 0 {
			server = l.Take()
		}
		if err := unix.Sendto(client, make([]byte, 100), 0, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.SendmsgN(client, make([]byte, 200), nil, nil, 0); err != nil {
			t.Fatal(err)
		}
		livetest.Eventually(t, "the bytes are there", func() bool {
			n, err := unix.IoctlGetInt(server, unix.SIOCINQ)
			return err == nil && n == 300
		})
		if n, _, err := unix.Recvfrom(server, make([]byte, 120), 0); n != 120 || err != nil {
			t.Fatal(n, err)
		}
		if n, _, _, _, err := unix.Recvmsg(server, make([]byte, 500), nil, 0); n != 180 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := unix.Write(pipe[1], make([]byte, 50)); err != nil {
			t.Fatal(err)
		}
		if n, err := unix.Splice(pipe[0], nil, client, nil, 50, 0); n != 50 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := unix.Read(server, make([]byte, 50)); n != 50 || err != nil {
			t.Fatal(n, err)
		}
	}
	other := livetest.Hold(t, l.FD)
	// It is still on its way to where it sleeps.
	last := ""
	livetest.Eventually(t, "the other one sleeps", func() bool {
		before := last
		last = of(other.PID, "schedstat")
		time.Sleep(100 * time.Millisecond)
		return last == before
	})
	for _, k := range f.kernels {
		watchCalls(t, k) // a watcher of an earlier test suspected this process
		if len(calls(t, k)) != 0 {
			t.Errorf("%s: calls of somebody are known whom nobody watches: %+v", k.tier, calls(t, k))
		}
		watchCalls(t, k, os.Getpid(), other.PID)
	}
	traffic()
	for _, k := range f.kernels {
		got := calls(t, k)
		if k.tier == queues {
			if len(got) != 0 {
				t.Errorf("the queues tier attaches nothing, and knows %+v", got)
			}
			continue
		}
		self, idle := got[os.Getpid()], got[other.PID]
		moved := self.Received == 300 && self.Sent == 350 && self.Accepted == 1 && self.Total >= 8
		if len(got) != 2 || !moved || self.Over <= 0 || len(self.Refused) != 0 {
			t.Errorf("%s: ours are %+v", k.tier, self)
		}
		if idle.Total != 0 || idle.Received != 0 || idle.Sent != 0 || idle.Accepted != 0 || idle.Over <= 0 {
			t.Errorf("%s: of one that sleeps: %+v", k.tier, idle)
		}
		// Watching the same again changes nothing; a process that is no longer watched is dropped.
		watchCalls(t, k, other.PID, os.Getpid())
		if again := calls(t, k)[os.Getpid()]; again.Sent != 350 || again.Total < self.Total {
			t.Errorf("%s: watched on, and counted %+v", k.tier, again)
		}
		watchCalls(t, k, other.PID)
	}
	traffic()
	for _, k := range f.ticking() {
		got := calls(t, k)
		if _, there := got[os.Getpid()]; there || len(got) != 1 || got[other.PID].Total != 0 {
			t.Errorf("%s: one is watched, and told is %+v", k.tier, got)
		}
		watchCalls(t, k, os.Getpid())
		if self := calls(t, k)[os.Getpid()]; self.Sent != 0 || self.Received != 0 {
			t.Errorf("%s: watched anew, and counted %+v", k.tier, self)
		}
		watchCalls(t, k)
		if len(calls(t, k)) != 0 {
			t.Errorf("%s: nobody is watched, and told is %+v", k.tier, calls(t, k))
		}
	}
}

// testRefusedAccepts: an accept that fails is counted with its errno under the key of the
// listener. One that finds nobody waiting is not.
func testRefusedAccepts(t *testing.T, f *field) {
	ns := f.netns(t)
	for name, l := range map[string]*livetest.Listener{
		"tcp":   ns.Listen(livetest.Listen{}),
		"mptcp": ns.Listen(livetest.Listen{MPTCP: true}),
	} {
		for _, k := range f.kernels {
			watchCalls(t, k) // forget what was before
			watchCalls(t, k, os.Getpid())
		}
		if err := unix.SetNonblock(l.FD, true); err != nil {
			t.Fatal(err)
		}
		if _, _, err := unix.Accept4(l.FD, unix.SOCK_CLOEXEC); !errors.Is(err, unix.EAGAIN) {
			t.Fatalf("accepted from an empty queue: %v", err)
		}
		refuse := func() {
			t.Helper()
			var limit unix.Rlimit
			if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &unix.Rlimit{Max: nofileMax(t)}, &limit); err != nil {
				t.Fatal(err)
			}
			_, _, refused := unix.Accept4(l.FD, unix.SOCK_CLOEXEC)
			if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
				t.Fatal(err)
			}
			if !errors.Is(refused, unix.EMFILE) {
				t.Fatalf("accept without room for a descriptor: %v", refused)
			}
		}
		refuse()
		refuse()
		// This is no TCP listener, so nothing is counted.
		if _, _, err := unix.Accept4(9999, 0); !errors.Is(err, unix.EBADF) {
			t.Fatal(err)
		}
		for _, k := range f.ticking() {
			key, want := sampleOf(t, k, l).Key, listener.Refusal{N: 2, Errno: int(unix.EMFILE)}
			if got := calls(t, k)[os.Getpid()]; len(got.Refused) != 1 || got.Refused[key] != want || got.Accepted != 0 {
				t.Errorf("%s, %s: key %x, told %+v", k.tier, name, key, got)
			}
			watchCalls(t, k)
			watchCalls(t, k, os.Getpid())
			if got := calls(t, k)[os.Getpid()]; len(got.Refused) != 0 {
				t.Errorf("%s, %s: watched anew, and told %+v", k.tier, name, got)
			}
		}
		// One more, of another kind: it listens no more.
		key := make(map[listener.Tier]listener.Key)
		for _, k := range f.ticking() {
			key[k.tier] = sampleOf(t, k, l).Key
		}
		if name == "mptcp" {
			continue
		}
		l.Shutdown()
		if _, _, err := unix.Accept4(l.FD, 0); !errors.Is(err, unix.EINVAL) {
			t.Fatalf("accepted from a listener that was shut down: %v", err)
		}
		for _, k := range f.ticking() {
			if got := calls(t, k)[os.Getpid()].Refused[key[k.tier]]; got != (listener.Refusal{N: 1, Errno: int(unix.EINVAL)}) {
				t.Errorf("%s, %s: %+v", k.tier, name, got)
			}
		}
	}
}

func nofileMax(t *testing.T) uint64 {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return limit.Max
}

// Where the kernel does not give the hook, nobody's calls are known, and nothing fails.
func TestCallsMissing(t *testing.T) {
	livetest.Root(t)
	k, err := kernel.Open(kernel.Options{Tier: tracepoints}.WithoutHook(kernel.SignalCalls))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, _, lost := k.Tier(); len(lost) != 1 || lost[0].Signal != kernel.SignalCalls {
		t.Errorf("lost %+v", lost)
	}
	if err := k.WatchCalls([]int{os.Getpid()}); err != nil {
		t.Error(err)
	}
	if got, err := k.Calls(); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
