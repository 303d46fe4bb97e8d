package corpus

import (
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// busyElsewhere are deaf on this listener, and somebody needs them all the same.
func busyElsewhere() []*row {
	// What is known first differs with the tier; that it holds does not.
	busy := lives(listener.Busy, listener.ServesElsewhere).inQueues(hold(), hold(), hold())
	accepts := onCall(unix.SYS_ACCEPT4)
	return []*row{
		{
			name: "udp", about: "its thread of TCP is lost; it answers by UDP",
			bad: server{mode: "udp"}, then: clientsOfUDP, state: onCall(unix.SYS_RECVFROM), want: busy,
		},
		{
			name: "unix", about: "it serves a unix socket",
			bad: server{mode: "unix"}, set: file, then: clientsOfUnix, state: accepts, want: busy,
		},
		{
			name: "other-port", about: "it serves another port",
			bad: server{mode: "other-port", arg: "81", served: true}, then: clientsOfOtherPort, state: accepts, want: busy,
		},
		{
			name: "other-netns", about: "it serves a port in another network namespace",
			bad: server{mode: "other-netns", otherNetns: true}, set: func(s *scene) { s.arg = s.second.Path },
			then: clientsOfOtherNetns, state: accepts, want: busy,
		},
		{
			name: "shared-port", about: "it serves another port, which a child serves too",
			bad: server{mode: "shared-port", arg: "81"}, then: clientsOfOtherPort, state: accepts,
			want: lives(listener.Busy, listener.Waits, listener.ServesElsewhere).inQueues(hold(), hold(), hold()),
		},
		{
			name: "takes-jobs", about: "it takes jobs from a pipe",
			bad: server{mode: "takes-jobs"}, set: pipeFromBusy, state: onCall(unix.SYS_READ), want: busy,
		},
		{
			name: "feeds", about: "it feeds one client, slowly, and accepts nobody meanwhile",
			bad: server{mode: "feeds", served: true, clients: 1}, state: onCall(unix.SYS_NANOSLEEP), want: busy,
		},
	}
}

// healthy accept, if in their own time.
func healthy() []*row {
	never := want{stuck: neverStuck}
	return []*row{
		{
			name: "idle", about: "nobody comes",
			bad: server{mode: "serve"}, group: nobody, quiet: true, state: onCall(unix.SYS_ACCEPT4), want: never,
		},
		{name: "slow", about: "it takes a second for each client", bad: server{mode: "slow"}, group: nobody, want: never},
		{
			name: "collects-short", about: "all of it stands still for two seconds of ten",
			bad: server{mode: "collects", arg: "2"}, want: never,
		},
		{
			name: "collects-long", about: "all of it stands still for six seconds of ten",
			bad: server{mode: "collects", arg: "6"}, want: lives().is(maybeStuck),
		},
		{name: "sigio", about: "it accepts when a signal says so", bad: server{mode: "sigio"}, group: nobody, want: never},
		{
			name: "ring-serves", about: "it polls by io_uring",
			bad: server{mode: "ring-serves"}, group: nobody, state: onCall(unix.SYS_IO_URING_ENTER), want: never,
		},
	}
}

// pools are several that serve together.
func pools() []*row {
	never := want{stuck: neverStuck}
	return []*row{
		{
			name: "master-two", about: "a master and two workers share one listener",
			bad: server{mode: "master-two"}, state: state{children: 2}, want: never,
		},
		{
			name: "one-of-three", about: "one worker of three that share a listener hangs",
			bad: server{mode: "one-of-three"}, set: fifo, state: state{children: 3}, want: never,
		},
		{
			name: "turns", about: "two workers accept in turns, by a lock",
			bad: server{mode: "turns"}, set: file, state: state{children: 2}, want: never,
		},
		{
			name: "pool-asleep", issue: "synopse/mORMot2#564",
			about: "its pool has lost a wakeup and reads from nobody, while it goes on to accept",
			bad:   server{mode: "pool-asleep"}, state: state{threads: 5}, want: never,
		},
		{
			name: "all-hang", about: "both workers that share a listener hang, beside their master",
			bad: server{mode: "all-hang"}, set: fifo, state: state{children: 2},
			want: lives(listener.AmbiguousHolders).ofClass(listener.NoClass),
		},
	}
}
