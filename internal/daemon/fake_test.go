package daemon

import (
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// fakeHost is a kernel side of one group: of its two members the test's own process accepts at
// every look, and a child, which hangs in sigsuspend, never did. The child is real and can be
// ended; its listener is there as long as it is. The real kernel side needs root, and is tried
// by internal/e2etest.
type fakeHost struct {
	listeners [2]listener.Sample
	child     *exec.Cmd
	ended     chan struct{}
	born      time.Time

	mu    sync.Mutex
	looks uint64
}

const accepting, hanging = 0, 1

func newFakeHost(t *testing.T) *fakeHost {
	t.Helper()
	h := &fakeHost{child: exec.Command("sleep", "1000"), ended: make(chan struct{}), born: time.Now()}
	if err := h.child.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = h.child.Wait()
		close(h.ended)
	}()
	t.Cleanup(func() {
		_ = h.child.Process.Kill()
		<-h.ended
	})
	own := netns.Own()
	inode, err := own.Number()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.listeners {
		h.listeners[i] = listener.Sample{
			Key: listener.Key(i + 1), Cookie: listener.Cookie(i + 1), Group: 7, GroupSize: 2, Reuseport: true,
			Netns: inode, NetCookie: cookie, Local: netip.MustParseAddrPort("127.0.0.1:80"), Backlog: 100,
			Queue: 1, OldestWait: listener.Rarely(time.Minute), WaitersKnown: true,
			Head: listener.Head{Request: uint64(i + 1), Remote: netip.MustParseAddrPort("127.0.0.1:1024")},
		}
	}
	return h
}

func (h *fakeHost) pids() [2]int { return [2]int{os.Getpid(), h.child.Process.Pid} }

// gone is known before its parent has heard of it.
func (h *fakeHost) gone() bool {
	p, err := proc.New("").Process(h.child.Process.Pid)
	return err != nil || p.State == 'Z'
}

func (h *fakeHost) Enter() error                      { return nil }
func (h *fakeHost) Events() ([]listener.Event, error) { return nil, nil }

func (h *fakeHost) Look(listener.Depth) (listener.Look, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks++
	h.listeners[accepting].Head.Request = 100 + h.looks
	l := listener.Look{At: time.Now(), Complete: true, Samples: slices.Clone(h.listeners[:])}
	if h.gone() {
		l.Samples = l.Samples[:hanging]
	}
	l.Listeners = len(l.Samples)
	return l, nil
}

func (h *fakeHost) Sample(l *listener.Listener) (listener.Sample, bool, error) {
	return h.listeners[l.Key-1], l.Key-1 == accepting || !h.gone(), nil
}

func (h *fakeHost) Census(each func(*listener.Held)) error {
	for i, pid := range h.pids() {
		each(&listener.Held{
			Kind: listener.HeldListener, PID: pid, FD: 3, Port: 80, Made: true,
			Key: h.listeners[i].Key, Netns: h.listeners[i].Netns,
		})
	}
	return nil
}

// Processes are asked of /proc, and have one thread, which stands still.
func (h *fakeHost) Processes(listener.Ask) (map[int]*listener.Process, error) {
	found := make(map[int]*listener.Process)
	for _, pid := range h.pids() {
		p, err := proc.New("").Process(pid)
		if err != nil {
			continue
		}
		found[pid] = &listener.Process{
			PID: pid, NSPID: pid, PPID: p.PPID, Comm: p.Comm, UID: p.UID, State: "S", Start: p.StartTicks,
			ThreadCount: 1, MemoryUsers: 1, Speaker: pid, NetNS: h.listeners[accepting].Netns, PIDNS: 1, MountNS: 1, UserNS: 1,
			Timers: listener.Known(false), Frozen: listener.Known(false), Throttled: listener.Known(time.Duration(0)),
			Running: listener.File{Dev: 1, Inode: 1}, Execs: 1, Ended: listener.Used{IO: listener.Known(listener.IO{})},
			Threads: []listener.Task{{
				TID: pid, Comm: p.Comm, State: "S", Wchan: "sigsuspend", Stack: []string{"sigsuspend"},
				Used: listener.Used{IO: listener.Known(listener.IO{})}, Sched: listener.Known(listener.Sched{}),
				Call: listener.Known(listener.Call{Number: unix.SYS_RT_SIGSUSPEND}),
			}},
		}
	}
	return found, nil
}

func (h *fakeHost) Waiters(*listener.Listener) ([]listener.Waiter, bool, error) {
	return nil, true, nil
}
func (h *fakeHost) SetCounted(map[listener.Key]uint32) error              { return nil }
func (h *fakeHost) Things([]int) ([]listener.Thing, []int, error)         { return nil, nil, nil }
func (h *fakeHost) Seek([]listener.Key) error                             { return nil }
func (h *fakeHost) WatchCalls([]int) error                                { return nil }
func (h *fakeHost) Calls() (map[int]listener.Calls, error)                { return nil, nil }
func (h *fakeHost) Namespace(uint32) (*os.File, error)                    { return netns.Own().Open() }
func (h *fakeHost) Claim(uint64) (io.Closer, error)                       { return io.NopCloser(nil), nil }
func (h *fakeHost) Stats() ([]kernel.ProgramStats, error)                 { return nil, nil }
func (h *fakeHost) Room() (entries, capacity int)                         { return 2, 8 }
func (h *fakeHost) RunTime() (took time.Duration, runs uint64, err error) { return 0, 0, nil }
func (h *fakeHost) Clients(*listener.Listener, int) (listener.Clients, error) {
	return listener.Clients{Total: 1}, nil
}

// options are of a daemon on this host, which is quick to judge.
func (h *fakeHost) options(t *testing.T, action listener.Action, out io.Writer) Options {
	const interval = 20 * time.Millisecond
	told, logged := NewOutlet(out), NewOutlet(t.Output())
	p := judge.Policy{Default: policy.Builtin(), HostBudget: judge.Budget{Acts: 5, Per: time.Hour}}
	p.Default.Action = action
	p.Default.StuckAfter, p.Default.ActAfter, p.Default.StartupGrace = 5*interval, 10*interval, 0
	return Options{
		Log: slog.New(slog.NewTextHandler(logged, nil)), Told: told, Stream: wire.NewStream(told), Logged: logged,
		Kernel: h, Tier: listener.TierTracepoints, Interval: interval, Policy: p,
		Watcher: watch.New(h, watch.Options{
			Interval: interval, StuckAfter: 5 * interval, Tier: listener.TierTracepoints,
			Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
		}),
		Reload: func() (judge.Policy, error) { return p, nil },
		Acting: Acting{
			StateDir: t.TempDir(), TermGrace: time.Second,
			MovesHalfOpen: func() (bool, error) { return false, nil },
		},
	}
}
