package kernel_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// epollWaiter is an entry of an epoll set with so many threads of ours asleep behind it.
func epollWaiter(sleepers int, armed, ready bool) listener.Waiter {
	w := listener.Waiter{Kind: listener.WaitEpoll, Armed: armed, Sleepers: sleepers, Ready: ready}
	if sleepers > 0 {
		w.PID = os.Getpid()
	}
	return w
}

func pollWaiter() listener.Waiter {
	return listener.Waiter{Kind: listener.WaitPoll, PID: os.Getpid(), Armed: true, Sleepers: 1}
}

type waitersCase struct {
	name   string
	listen livetest.Listen
	wait   func(*testing.T, *livetest.Listener)
	want   []listener.Waiter
}

func waitersCases() []waitersCase {
	const once, edge = unix.EPOLLIN | unix.EPOLLONESHOT, unix.EPOLLIN | unix.EPOLLET
	return []waitersCase{
		{name: "nobody", wait: func(*testing.T, *livetest.Listener) {}},
		{
			// Asleep beside a client that waits, as nobody can be who asks for
			// POLLIN.
			name: "poll", wait: func(t *testing.T, l *livetest.Listener) { livetest.SleepInPoll(t, l.FD, unix.POLLPRI) },
			want: []listener.Waiter{pollWaiter()},
		},
		{
			name: "epoll, nobody asleep",
			wait: func(t *testing.T, l *livetest.Listener) { livetest.Epoll(t, l.FD, unix.EPOLLIN) },
			want: []listener.Waiter{epollWaiter(0, true, true)},
		},
		{
			name: "epoll, event fetched, asleep again", wait: func(t *testing.T, l *livetest.Listener) {
				ep := livetest.Epoll(t, l.FD, edge)
				ep.Fetch()
				ep.Sleep(1)
			},
			want: []listener.Waiter{epollWaiter(1, true, false)},
		},
		{
			name: "epoll, event fetched, nobody asleep",
			wait: func(t *testing.T, l *livetest.Listener) { livetest.Epoll(t, l.FD, edge).Fetch() },
			want: []listener.Waiter{epollWaiter(0, true, false)},
		},
		{
			name: "epoll, three asleep", wait: func(t *testing.T, l *livetest.Listener) {
				ep := livetest.Epoll(t, l.FD, edge)
				ep.Fetch()
				ep.Sleep(3)
			},
			want: []listener.Waiter{epollWaiter(3, true, false)},
		},
		{
			name: "oneshot fired, asleep", wait: func(t *testing.T, l *livetest.Listener) {
				ep := livetest.Epoll(t, l.FD, once)
				ep.Fetch()
				ep.Sleep(1)
			},
			want: []listener.Waiter{epollWaiter(1, false, false)},
		},
		{
			name: "oneshot not fetched", wait: func(t *testing.T, l *livetest.Listener) { livetest.Epoll(t, l.FD, once) },
			want: []listener.Waiter{epollWaiter(0, true, true)},
		},
		{
			name: "two sets and a poll", wait: func(t *testing.T, l *livetest.Listener) {
				livetest.Epoll(t, l.FD, unix.EPOLLIN)
				ep := livetest.Epoll(t, l.FD, edge)
				ep.Fetch()
				ep.Sleep(1)
				livetest.SleepInPoll(t, l.FD, unix.POLLPRI)
			},
			want: []listener.Waiter{epollWaiter(0, true, true), epollWaiter(1, true, false), pollWaiter()},
		},
		{
			name: "io_uring", wait: func(t *testing.T, l *livetest.Listener) { livetest.UringPoll(t, l.FD, unix.POLLPRI) },
			want: []listener.Waiter{{Kind: listener.WaitIOUring, Armed: true}},
		},
		{
			name: "mptcp, epoll", listen: livetest.Listen{MPTCP: true}, wait: func(t *testing.T, l *livetest.Listener) {
				ep := livetest.Epoll(t, l.FD, edge)
				ep.Fetch()
				ep.Sleep(1)
			},
			want: []listener.Waiter{epollWaiter(1, true, false)},
		},
		{
			name: "more sets than a look has room for", wait: func(t *testing.T, l *livetest.Listener) {
				for range 12 {
					livetest.Epoll(t, l.FD, unix.EPOLLIN)
				}
			},
			want: repeat(8, epollWaiter(0, true, true)),
		},
	}
}

func repeat(n int, w listener.Waiter) []listener.Waiter {
	all := make([]listener.Waiter, n)
	for i := range all {
		all[i] = w
	}
	return all
}

// While the head of a queue stands still, a look gives who waits on the listener.
func testWaiters(t *testing.T, f *field) {
	ns := f.netns(t)
	for _, c := range waitersCases() {
		t.Run(c.name, func(t *testing.T) {
			l := ns.Listen(c.listen)
			ns.Dial(livetest.Dial{To: l.Dest(livetest.V4)})
			livetest.AwaitQueue(1, l)
			for _, k := range f.kernels {
				// A head that was seen once may be gone at the next look: its waiters are not read yet.
				if s := sampleOf(t, k, l); s.WaitersKnown != (k.tier == queues) || len(s.Waiters) > 0 {
					t.Errorf("%s, first look: waiters %+v, known %v", k.tier, s.Waiters, s.WaitersKnown)
				}
			}
			c.wait(t, l)
			for _, k := range f.kernels {
				checkWaiters(t, k.tier, c.want, func() listener.Sample { return sampleOf(t, k, l) })
			}
		})
	}
}

// checkWaiters looks until it sees what is to be seen: threads take a moment to
// fall asleep.
func checkWaiters(t *testing.T, tier listener.Tier, want []listener.Waiter, look func() listener.Sample) {
	t.Helper()
	var s listener.Sample
	ok := livetest.Within(func() bool {
		s = look()
		for i := range s.Waiters {
			s.Waiters[i].Epoll = 0 // an address
		}
		return s.WaitersKnown && cmp.Equal(want, s.Waiters, anyOrder())
	})
	if !ok {
		t.Errorf("%s: known %v (-want +got):\n%s", tier, s.WaitersKnown, cmp.Diff(want, s.Waiters, anyOrder()))
	}
}

func anyOrder() cmp.Option {
	return cmpopts.SortSlices(func(a, b listener.Waiter) bool {
		return fmt.Sprint(a) < fmt.Sprint(b)
	})
}

// A process that is blocked in accept() sleeps while the queue is empty, when only iterators
// read the waiters. When a client comes it wakes and is gone.
func testBlockedAccept(t *testing.T, f *field) {
	ns := f.netns(t)
	for _, o := range []livetest.Listen{{}, {MPTCP: true}} {
		l := ns.Listen(o)
		l.Serve(livetest.Service{})
		want := []listener.Waiter{{Kind: listener.WaitAccept, PID: os.Getpid(), Armed: true, Sleepers: 1}}
		for _, k := range f.kernels {
			checkWaiters(t, k.tier, want, func() listener.Sample {
				all, err := k.LookQueues()
				if err != nil {
					t.Fatal(err)
				}
				return byInode(all)[l.Inode]
			})
		}
	}
}
