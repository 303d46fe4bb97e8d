package corpus

import (
	"golang.org/x/sys/unix"
)

func openat() state { return state{calls: []uintptr{unix.SYS_OPENAT}} }
func futex() state  { return state{calls: []uintptr{unix.SYS_FUTEX}} }

// deadEnds are waits that nothing alive will end, of a process of one thread.
func deadEnds() []*row {
	return []*row{
		{
			name: "fifo-read", issue: "swift-nav/piksi_buildroot#306",
			about: "it opens a named pipe to read before its main loop, and nobody writes",
			bad:   server{mode: "fifo-read"}, set: fifo, state: openat(), want: dies(),
		},
		{
			name: "fifo-write", issue: "NagiosEnterprises/nagioscore#309",
			about: "it opens a command pipe to write, which its reader has left",
			bad:   server{mode: "fifo-write"}, set: fifo, state: openat(), want: dies(),
		},
		{
			name: "fifo-write-younger", issue: "beave/sagan#16",
			about: "as before, and the healthy member was there first: startup-grace holds for a while",
			bad:   server{mode: "fifo-write"}, group: older, set: fifo, state: openat(), want: dies(),
		},
		{
			name: "fifo-write-served", about: "it served, and then opens a FIFO that nobody reads",
			bad: server{mode: "fifo-write", served: true}, set: fifo, state: openat(), want: diesIfServedMay(),
		},
		{
			name: "log-pipe", issue: "clice-io/clice#514",
			about: "its log is a pipe; who has its other end lives, and never reads",
			bad:   server{mode: "pipe-write"}, set: pipeToNobody, state: state{calls: []uintptr{unix.SYS_WRITE}}, want: dies(),
		},
		{
			name: "log-pipe-served", about: "the same, once it has logged that it served for long enough",
			bad: server{mode: "pipe-write", served: true}, set: pipeToNobody,
			state: state{calls: []uintptr{unix.SYS_WRITE}}, want: diesIfServedMay(),
		},
		{
			name: "own-pipe-full", issue: "booksbyus/zguide#812",
			about: "a handler wakes its own loop by a pipe that is full",
			bad:   server{mode: "own-pipe-full"}, state: state{calls: []uintptr{unix.SYS_WRITE}}, want: dies(),
		},
		{
			name: "own-pipe-full-served", issue: "nanomsg/nanomsg#238",
			about: "a worker signals by a pipe that is full, and it has served",
			bad:   server{mode: "own-pipe-full", served: true}, state: state{calls: []uintptr{unix.SYS_WRITE}},
			want: diesIfServedMay(),
		},
		{
			name: "own-pipe-read", about: "it reads a pipe whose write end only it has",
			bad: server{mode: "own-pipe-read"}, state: state{calls: []uintptr{unix.SYS_READ}}, want: dies(),
		},
		{
			name: "own-pair", about: "it receives from a pair of sockets that are both its own",
			bad: server{mode: "own-pair"}, state: state{calls: []uintptr{unix.SYS_RECVFROM}}, want: dies(),
		},
		{
			name: "handler-lock", issue: "ArcticaProject/nx-libs#854",
			about: "a signal handler wants the lock of malloc, which the code that it interrupted holds",
			bad:   server{mode: "handler-lock"}, state: futex(), want: dies(),
		},
		{
			name: "pause", about: "it sleeps until a signal, and has nobody to send one",
			bad: server{mode: "pause"}, state: state{calls: []uintptr{callPause}}, want: dies(),
		},
		{
			name: "pause-served", about: "the same after it has served",
			bad: server{mode: "pause", served: true}, state: state{calls: []uintptr{callPause}}, want: diesIfServedMay(),
		},
		{
			name: "sigsuspend", about: "the same, as old masters wait",
			bad: server{mode: "sigsuspend"}, state: state{calls: []uintptr{unix.SYS_RT_SIGSUSPEND}}, want: dies(),
		},
		{
			name: "sigwait", about: "the same, as threads for signals wait",
			bad: server{mode: "sigwait"}, state: state{calls: []uintptr{unix.SYS_RT_SIGTIMEDWAIT}}, want: dies(),
		},
		{
			name: "fuse", issue: "hanwen/go-fuse#261", host: true,
			about: "it enters a folder of a FUSE mount whose server does not answer: in state D",
			bad:   server{mode: "fuse-dir"}, set: deadFolder, then: releaseFolder,
			state: state{calls: []uintptr{unix.SYS_CHDIR}}, want: dies(),
		},
	}
}

// deadEndsOfThreads are those of several threads.
func deadEndsOfThreads() []*row {
	return []*row{
		{
			name: "crowd", about: "nine threads want one lock that was never let go",
			bad: server{mode: "crowd"}, state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 9}, want: dies(),
		},
		{
			name: "crowd-served", issue: "3proxy/3proxy#193",
			about: "all threads want one lock, among them the one that accepts; connections of before are still open",
			bad:   server{mode: "crowd", served: true, kept: 2},
			state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 9}, want: diesIfServedMay(),
		},
		{
			name: "abba", about: "two threads want each the lock of the other",
			bad: server{mode: "abba"}, state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 2}, want: dies(),
		},
		{
			name: "cond", about: "five threads wait for a condition that nobody will signal",
			bad: server{mode: "cond"}, state: state{calls: []uintptr{unix.SYS_FUTEX}, threads: 5}, want: dies(),
		},
		{
			name: "mixed", about: "three threads, each at another dead end: pause, a lock, a FIFO",
			bad: server{mode: "mixed"}, set: fifo, state: state{calls: []uintptr{callPause}, threads: 3}, want: dies(),
		},
	}
}

// deadEndsByFork are those of a child.
func deadEndsByFork() []*row {
	return []*row{
		{
			name: "daemonised", issue: "m-lab/ndt#70",
			about: "the parent listened, forked and ended, as daemons do; the child hangs for ever and holds the port",
			bad:   server{mode: "daemonised", keeper: true}, set: fifo, state: openat(), want: dies(),
		},
		{
			name: "handed", about: "the parent listened, keeps nothing of it, and supervises its child, which hangs",
			bad: server{mode: "handed"}, set: fifo, state: openat(), want: dies(),
		},
		{
			name: "fork-lock", issue: "unbit/uwsgi#2387",
			about: "a thread of its parent held a lock at the fork, so in the child nobody can let it go",
			bad:   server{mode: "fork-lock"}, state: futex(), want: dies(),
		},
	}
}
