package corpus

import (
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func onCall(calls ...uintptr) state { return state{calls: calls} }

// waitsForPeers wait for somebody at the other end of a connection or a pipe.
func waitsForPeers() []*row {
	return []*row{
		{
			name: "asks-peer", issue: "maximhq/bifrost#3308",
			about: "it listens, then waits for the database to give it the migration lock",
			bad:   server{mode: "asks-peer"}, set: peer, state: onCall(unix.SYS_RECVFROM),
			want: diesIfWaitingMay(listener.CauseOnPeer),
		},
		{
			name: "asks-peer-served", issue: "tinyproxy/tinyproxy#9",
			about: "it waits for the answer of an upstream, without a timeout, after having served",
			bad:   server{mode: "asks-peer", served: true}, set: peer, state: onCall(unix.SYS_RECVFROM),
			want: diesIfWaitingMay(listener.CauseOnPeer),
		},
		{
			name: "peer-stopped", about: "who is to answer it is stopped, and would go on",
			bad: server{mode: "asks-peer"}, set: peerStopped, state: onCall(unix.SYS_RECVFROM), want: lives(listener.Waits),
		},
		{
			name: "peer-naps", about: "who is to answer it waits for a timer",
			bad: server{mode: "asks-peer"}, set: peerNaps, state: onCall(unix.SYS_RECVFROM), want: lives(listener.Waits),
		},
		{
			name: "dials-peer", issue: "yrutschle/sslh#258",
			about: "it connects, in its only thread, to a server that answers no SYN: the kernel gives up in minutes",
			bad:   server{mode: "dials-peer", served: true}, set: peerFull, state: onCall(unix.SYS_CONNECT),
			want: lives(listener.Waits),
		},
		{
			name: "reads-client", issue: "Kitura/BlueSSLService#40",
			about: "it shakes hands with a client that says nothing before it accepts the next",
			bad:   server{mode: "reads-client", served: true, clients: 1}, state: onCall(unix.SYS_RECVFROM),
			want: lives(listener.AtLimit),
		},
		{
			name: "asks-main", issue: "OpenSIPS/opensips#2874",
			about: "a worker waits for its main process, which polls and does not answer",
			bad:   server{mode: "asks-main"}, state: onCall(unix.SYS_RECVMSG), want: diesIfWaitingMay(listener.CauseOnPeer),
		},
		{
			name: "pipe-from-silent", about: "it reads a pipe into which another process could write, and does not",
			bad: server{mode: "read-given"}, set: pipeFromSilent, state: onCall(unix.SYS_READ),
			want: diesIfWaitingMay(listener.CauseOnPeer),
		},
		{
			name: "log-pipe-stopped", about: "who reads its log pipe is stopped, and would go on",
			bad: server{mode: "pipe-write"}, set: pipeToStopped, state: onCall(unix.SYS_WRITE), want: lives(listener.Waits),
		},
		{
			name: "log-pipe-slow", about: "who reads its log pipe takes a page every two seconds",
			bad: server{mode: "pipe-write"}, set: pipeToSlow, state: onCall(unix.SYS_WRITE),
			want: lives(listener.Busy, listener.Waits),
		},
		{
			name: "log-pipe-in-flight", about: "the read end of its log pipe is in a message that nobody has received yet",
			bad: server{mode: "pipe-write"}, set: pipeInFlight, state: onCall(unix.SYS_WRITE), want: lives(listener.Waits),
		},
		{
			name: "logs-datagrams", issue: "haskell-hvr/hslogger#7",
			about: "it logs by datagrams to a socket that is full: the call blocks until somebody reads",
			bad:   server{mode: "logs-datagrams", served: true}, set: deafLogger, state: onCall(unix.SYS_SENDTO),
			want: lives(listener.Waits),
		},
		{
			name: "resolves", issue: "zeromq/libzmq#3243",
			about: "its only thread resolves a name, and asks again every five seconds",
			bad:   server{mode: "resolves", served: true}, set: nameServer, state: onCall(callPoll),
			want: lives(listener.Busy, listener.AtLimit, listener.Waits),
		},
		{
			name: "poll-one", issue: "openssl/openssl#15380",
			about: "it polls one descriptor without a timeout, as for entropy at its start",
			bad:   server{mode: "poll-one"}, set: pipeFromSilent, state: onCall(callPoll),
			want: lives(listener.AtLimit, listener.Waits),
		},
	}
}

// waitsForTime end by themselves.
func waitsForTime() []*row {
	waits, resting := lives(listener.Waits), lives(listener.AtLimit, listener.Waits)
	sleeps := onCall(unix.SYS_NANOSLEEP)
	return []*row{
		{name: "nap", about: "it warms up: it sleeps for an hour", bad: server{mode: "nap"}, state: sleeps, want: resting},
		{
			name: "nap-served", about: "it does the job of a request that it has answered",
			bad: server{mode: "nap", served: true}, state: sleeps, want: resting,
		},
		{
			name: "short-naps", about: "it looks every 50 ms whether it may go on",
			bad: server{mode: "short-naps"}, state: sleeps, want: resting,
		},
		{
			name: "cond-timed", issue: "apache/incubator-pagespeed-mod#1048",
			about: "it waits for a condition that nobody signals, again and again with a timeout",
			bad:   server{mode: "cond-timed", served: true}, state: futex(), want: waits,
		},
		{
			name: "poll-nothing", about: "it sleeps by a poll of nothing",
			bad: server{mode: "poll-nothing"}, state: onCall(callPoll), want: resting,
		},
		{
			name: "poll-ever", about: "the same, without a timeout",
			bad: server{mode: "poll-ever"}, state: onCall(callPoll), want: resting,
		},
		{
			name: "interval-timer", about: "it pauses, and an interval timer is armed",
			bad: server{mode: "interval-timer"}, state: onCall(callPause), want: waits,
		},
		{
			name: "posix-timer", about: "it pauses, and a POSIX timer is armed",
			bad: server{mode: "posix-timer"}, state: onCall(callPause), want: waits,
		},
		{name: "timerfd", about: "it reads a timer", bad: server{mode: "timerfd"}, state: onCall(unix.SYS_READ), want: waits},
		{
			name: "lame-duck", about: "it served, and will end by itself when its drain time is over",
			bad: server{mode: "lame-duck", served: true}, state: sleeps, want: resting,
		},
		{
			name: "batch", about: "it accepts all that have come, every 40 s",
			bad: server{mode: "batch", arg: "40", served: true}, state: sleeps, want: resting,
		},
	}
}

// waitsForChildren have one that lives.
func waitsForChildren() []*row {
	return []*row{
		{
			name: "pause-child", about: "it pauses, as a master does: it has a child",
			bad: server{mode: "pause-child"}, state: state{calls: []uintptr{callPause}, children: 1},
			want: lives(listener.Waits),
		},
		{
			name: "wait-child", issue: "xcat2/xcat-core#5215",
			about: "it waits for the end of a child that stays",
			bad:   server{mode: "wait-child", served: true}, state: state{calls: []uintptr{unix.SYS_WAIT4}, children: 1},
			want: livesAndSays(causes(listener.CauseOnChild), listener.Waits),
		},
		{
			name: "vfork-child", about: "it waits in vfork for its child to execute something",
			bad: server{mode: "vfork-child", served: true}, state: state{calls: []uintptr{callVfork}, children: 1},
			want: lives(listener.Waits),
		},
		{
			name: "read-child", about: "it reads what its child will write",
			bad: server{mode: "read-child"}, state: state{calls: []uintptr{unix.SYS_READ}, children: 1},
			want: lives(listener.Waits),
		},
		{
			name: "passes", about: "it passes each client to a worker that asks for one, and both have long jobs",
			bad: server{mode: "passes"}, state: state{calls: []uintptr{unix.SYS_READ}, children: 2}, want: lives(listener.Waits),
		},
	}
}

// waitsForLocks wait for another process to let go.
func waitsForLocks() []*row {
	held := livesAndSays(causes(listener.CauseOnLock), listener.Waits)
	return []*row{
		{
			name: "flock", issue: "d2iq-archive/marathon-lb#267",
			about: "it wants the lock of a file that a process holds which waits for nothing",
			bad:   server{mode: "flock"}, set: lock("hold-flock"), state: onCall(unix.SYS_FLOCK),
			want: diesIfWaitingMay(listener.CauseOnLock),
		},
		{
			name: "flock-stopped", about: "who holds the lock is stopped",
			bad: server{mode: "flock"}, set: lockOfStopped, state: onCall(unix.SYS_FLOCK), want: held,
		},
		{
			name: "flock-timer", about: "who holds the lock waits for a timer",
			bad: server{mode: "flock"}, set: lock("hold-flock-nap"), state: onCall(unix.SYS_FLOCK), want: held,
		},
		{
			name: "fcntl-timer", about: "the same, with a POSIX lock",
			bad: server{mode: "fcntl"}, set: lock("hold-fcntl-nap"), state: onCall(unix.SYS_FCNTL), want: held,
		},
		{
			name: "ofd-lock", about: "who holds a lock of an open file cannot be read",
			bad: server{mode: "ofd"}, set: lock("hold-ofd"), state: onCall(unix.SYS_FCNTL), want: lives(listener.Waits),
		},
		{
			name: "shared-lock", about: "a mutex in shared memory, which another process holds",
			bad: server{mode: "shared-lock"}, set: sharedLock, state: futex(), want: lives(listener.Waits),
		},
	}
}

// waitsUnread are such as no table has, or that cannot be read: they count as life.
func waitsUnread() []*row {
	waits := lives(listener.Waits)
	return []*row{
		{
			name: "join", about: "it joins a thread, by a futex that is not private; the thread pauses",
			bad: server{mode: "join"}, state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 2}, want: waits,
		},
		{
			name: "pi", about: "a mutex with priority inheritance, whose holder pauses",
			bad: server{mode: "pi"}, state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 2}, want: waits,
		},
		{
			name: "futex-waitv", about: "it waits for one of several futexes",
			bad: server{mode: "futex-waitv"}, state: onCall(sysFutexWaitv), want: waits,
		},
		{
			name: "semop", about: "a System V semaphore",
			bad: server{mode: "semop"}, state: onCall(unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP), want: waits,
		},
		{
			name: "eventfd", about: "it reads an eventfd, whose other end nobody can name",
			bad: server{mode: "eventfd"}, state: onCall(unix.SYS_READ), want: waits,
		},
		{
			name: "inotify", about: "it waits for a file to appear",
			bad: server{mode: "inotify"}, set: folder, state: onCall(unix.SYS_READ), want: waits,
		},
		{
			name: "async", about: "it pauses, and a descriptor would send it SIGIO",
			bad: server{mode: "async"}, state: onCall(callPause), want: waits,
		},
		{
			name: "shares-memory", about: "it pauses, and another process that is no child of it uses its memory",
			bad: server{mode: "shares-memory"}, then: adopted, state: onCall(callPause), want: waits,
		},
		{
			name: "ring-silent", issue: "netty/netty#14819",
			about: "its io_uring has no accept request any more",
			bad:   server{mode: "ring-silent", served: true}, state: onCall(unix.SYS_IO_URING_ENTER), want: waits,
		},
	}
}

// sysFutexWaitv has the same number on all machines.
const sysFutexWaitv = 449
