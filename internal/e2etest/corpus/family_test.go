package corpus

import (
	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// inherited never meant to serve on the listener.
func inherited() []*row {
	leaked := livesAndSays(causes(listener.CauseInherited), listener.Inherited)
	return []*row{
		{
			name: "leaked-job", issue: "yhirose/cpp-httplib#164",
			about: "the server ended; a job of the same program, which it had started, got its listener",
			bad:   server{mode: "leaks-pause", keeper: true, served: true}, set: sameProgram, state: onCall(callPause),
			// Without the birth who alone holds it, is older than its clients and runs what its
			// siblings run is taken for who listened; and it is at a dead end.
			want: leaked.inQueues(either(), either(), either()),
		},
		{
			name: "leaked-player", issue: "qbittorrent/qBittorrent#18834",
			about: "the same, and the child is another program",
			bad:   server{mode: "leaks-pause", keeper: true, served: true}, set: anotherProgram, state: onCall(callPause),
			want: leaked,
		},
		{
			name: "leaked-spawn-helper", issue: "openjdk/jdk#13956",
			about: "a helper got the listener; it reads its orders from a pipe whose other end only it has now",
			bad:   server{mode: "leaks-read", keeper: true}, set: anotherProgram, state: onCall(unix.SYS_READ), want: leaked,
		},
		{
			name: "leaked-daemon", issue: "samhocevar/rinetd#10",
			about: "a daemon got the listener of who started it, and serves a port of its own",
			bad:   server{mode: "leaks-serve", keeper: true}, set: anotherProgram, then: clientsOfOtherPort,
			state: onCall(unix.SYS_ACCEPT4), want: lives(listener.Busy, listener.Waits, listener.Inherited),
		},
		{
			name: "activated", about: "it was executed with a listener that was made before, and its sibling was not",
			bad: server{mode: "activated"}, set: activated, state: openat(),
			// That it was executed after listen() only the birth tells.
			want: lives(listener.Inherited).inQueues(either(), either(), either()),
		},
	}
}

// siblings are all that is wrong: the server itself is dead.
func siblings() []*row {
	held := func(r listener.Reason) want {
		w := dies()
		w.decisions = [policies]decision{hold(r), hold(r), hold(r)}
		return w
	}
	return []*row{
		{
			name: "sole", about: "at a dead end, and nobody else would serve",
			bad: server{mode: "fifo-write"}, group: nobody, set: fifo, state: openat(), want: held(listener.NoSiblingAccepted),
		},
		{
			name: "stranger", about: "at a dead end, and the other member is another program",
			bad: server{mode: "fifo-write"}, group: stranger, set: fifo, state: openat(),
			// Without the birth it may as well have inherited the listener: for that it is held, too.
			want: held(listener.MixedGroup).inQueues(hold(), hold(), hold()),
		},
	}
}
