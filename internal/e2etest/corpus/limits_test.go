package corpus

import (
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func spinning() state { return state{calls: []uintptr{running}} }

// burning use a CPU up.
func burning() []*row {
	return []*row{
		{
			name: "spin-served", issue: "nodejs/help#3473", hog: true,
			about: "its only thread computes, without a system call, after having served",
			bad:   server{mode: "spin", served: true}, state: spinning(),
			// Without counters of calls it may not be known that it serves nobody elsewhere.
			want: want{
				causes: causes(listener.CauseSpinning), class: listener.ServedClass,
				decisions: [policies]decision{hold(listener.Served), kill(), kill()},
			}.inQueues(hold(), either(), either()),
		},
		{
			name: "spin-beside", issue: "javaee/grizzly#1342", hog: true,
			about: "one thread spins, and beside it a loop polls what is not the listener",
			bad:   server{mode: "spin-beside", served: true}, state: state{calls: []uintptr{callEpollWait}, threads: 2},
			want: lives(listener.Busy, listener.AtLimit),
		},
	}
}

// refused get an error each time that they call accept().
func refused() []*row {
	// The tier of queues does not see errors.
	denied := want{
		causes: causes(listener.CauseRefused), class: listener.ServedClass,
		decisions: [policies]decision{hold(listener.Served), kill(), kill()},
	}.inQueues(hold(), hold(), hold())
	return []*row{
		{
			name: "denied-tight", hog: true, about: "seccomp denies accept(), and a level-triggered loop turns at full speed",
			bad: server{mode: "denied-tight"}, want: denied,
		},
		{
			name: "denied-logs", hog: true, about: "the same, with a line in a log for each",
			bad: server{mode: "denied-logs"}, want: denied,
		},
		{
			name: "denied-backoff", issue: "jetty/jetty.project#354",
			about: "the same, with a second of sleep after each error",
			bad:   server{mode: "denied-backoff"}, state: onCall(unix.SYS_NANOSLEEP), want: denied,
		},
	}
}

// atLimits have all the clients that they take.
func atLimits() []*row {
	return []*row{
		{
			name: "files-tight", issue: "sustrik/libmill#182", hog: true,
			about: "no descriptor is left, and accept() is called in a tight loop",
			bad:   server{mode: "files-tight", served: true},
			want:  livesAndSays(causes(listener.CauseAtLimit), listener.AtLimit),
		},
		{
			name: "files-backoff", issue: "netty/netty#1343",
			about: "no descriptor is left, and it sleeps for a second after each error",
			bad:   server{mode: "files-backoff", served: true}, state: onCall(unix.SYS_NANOSLEEP),
			want: livesAndSays(causes(listener.CauseAtLimit), listener.AtLimit),
		},
		{
			name: "files-spare", issue: "joyent/libuv#690",
			about: "no descriptor is left but one that it keeps back, by which it turns each client away",
			bad:   server{mode: "files-spare", served: true}, want: want{stuck: neverStuck},
		},
		{
			name: "thread-slots", issue: "pocoproject/poco#584",
			about: "a thread for each of four connections, which are all there and quiet",
			bad:   server{mode: "thread-slots", clients: 4}, state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 5},
			want: livesAndSays(causes(listener.CauseAtLimit), listener.AtLimit),
		},
		{
			name: "epoll-out", issue: "envoyproxy/envoy#8031",
			about: "it drains: its listener is out of the loop but not closed, and it has no connection",
			bad:   server{mode: "epoll-out", arg: "0", served: true}, state: onCall(callEpollWait),
			want: lives(listener.AtLimit, listener.Waits),
		},
		{
			name: "epoll-out-quiet", about: "the same, with four quiet connections",
			bad: server{mode: "epoll-out", arg: "4", clients: 4}, state: onCall(callEpollWait),
			want: livesAndSays(causes(listener.CauseAtLimit), listener.AtLimit),
		},
		{
			name: "epoll-out-talk", issue: "slskd/slskd#1800",
			about: "its acceptor is lost, while all that it had accepted is served",
			bad:   server{mode: "epoll-out", arg: "4", clients: 4, talk: true}, state: onCall(callEpollWait),
			want: lives(listener.Busy, listener.AtLimit),
		},
		{
			name: "epoll-ignores", about: "its loop keeps the listener armed, fetches the events and never accepts",
			bad: server{mode: "epoll-ignores", served: true}, state: onCall(callEpollWait),
			want: livesAndSays(causes(listener.CauseIgnores, listener.CauseAtLimit), listener.AtLimit),
		},
		{
			name: "lock-over-client", issue: "MisterTea/EternalTerminal#798",
			about: "its acceptor wants a lock, whose holder reads from a client that has gone quiet",
			bad:   server{mode: "lock-over-client", served: true, clients: 1},
			state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 2}, want: lives(listener.AtLimit),
		},
	}
}
