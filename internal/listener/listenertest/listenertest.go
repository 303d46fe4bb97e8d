// Package listenertest has listeners for tests of what tells of them.
package listenertest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Instant is when all of it is.
func Instant() time.Time { return time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("", 3600)) }

// Nasty is what a process may call itself: escapes, a newline, a tab, a
// right-to-left override, wide and invalid characters.
const Nasty = "a\x1b[31m\n\tb\u202ec漢\xff"

// Full is a listener of which everything is known.
func Full() listener.Judgement {
	return listener.Judgement{
		Listener: &listener.Listener{
			Sample: listener.Sample{
				Key: 0xdead, Cookie: 0x1a2b, Inode: 1081, Group: 0xbeef, GroupSize: 2, Netns: 4026531840,
				Local: netip.MustParseAddrPort("10.39.1.68:80"), Reuseport: true, Queue: 3285, Backlog: 4096,
				Dropped:    listener.Counted(uint64(12)),
				OldestWait: listener.Rarely(2*time.Hour + 11*time.Minute + 1234567*time.Nanosecond),
				ListenedAt: listener.Rarely(Instant().Add(-time.Hour)),
				SYNs:       listener.Counted(uint64(5)), SYNsFull: listener.Counted(uint64(1)),
				Selected: listener.Counted(uint64(4)), Queued: listener.Counted(uint64(3)),
				Adopted: listener.Counted(uint64(0)),
				Waiters: []listener.Waiter{
					{Kind: listener.WaitEpoll, Armed: true, Sleepers: 0},
					{Kind: listener.WaitAccept, PID: 42, Armed: true, Sleepers: 1},
				},
				WaitersKnown: true,
			},
			NetnsName: "blue", GroupName: "4026531840/inet/10.39.1.68:80", Accepted: listener.Counted(uint64(0)),
			CountedSince: listener.Rarely(Instant().Add(-time.Minute)), LastAccept: listener.Rarely(Instant()),
			Share: listener.Rarely(0.51), OwnersKnown: true,
			Caller: listener.Rarely(listener.Caller{PID: 26939, Comm: Nasty, Parents: []listener.Parent{{PID: 1, Comm: Nasty}}}),
			Window: listener.Window{Since: Instant().Add(-9 * time.Second), Observed: 9 * time.Second, Samples: 10, Walked: 9},
			Owners: []listener.Owner{{
				Holder: &listener.Holder{
					PID:     26939,
					NSPID:   7,
					Comm:    Nasty,
					Exe:     "/usr/sbin/haproxy",
					Cmdline: []string{"haproxy", "-sf", Nasty},
					UID:     0,
					User:    "root",
					PPID:    26924,
					Started: Instant().Add(-3 * time.Hour),
					State:   "S",
					Wchan:   "wait_for_partner",
					Tracer:  99,
					Cgroup:  "/kubepods/" + Nasty,
					Container: &listener.Container{
						Runtime: "containerd", ID: strings.Repeat("3f2a", 16), PodUID: "5759a1ae-36ca-48a8-b20a-b0b5c8a90fb8",
						Pod: "web-" + Nasty, Namespace: "shop" + Nasty, Name: "proxy", Image: "haproxy:3.2",
					},
				},
				FD:                listener.Known(5),
				Connections:       listener.Known(0),
				AcceptedElsewhere: listener.Known(false),
				Evidence: &listener.Evidence{
					Usage: listener.Known(listener.Usage{
						Over: 9 * time.Second, User: 20 * time.Millisecond, System: 10 * time.Millisecond, MajorFaults: 1,
						IOBytes: 9, RunnableWait: 0.05, Throttled: true,
					}),
					Threads: []listener.Thread{{
						TID: 26939, Comm: Nasty, State: "S",
						Wchan: "wait_for_partner", Stack: []string{"wait_for_partner", "fifo_open"},
					}},
					Total: 1, Frozen: listener.Known(false), Registered: listener.Known(false), FilesFull: listener.Known(false),
					Parents: []listener.Parent{{PID: 26924, Comm: Nasty}}, TracerComm: Nasty, Life: listener.Known(Life()),
				},
			}, {
				Holder: &listener.Holder{
					PID: 26940, Comm: "haproxy", UID: 104, State: "S", Container: &listener.Container{ID: "web"},
				},
			}},
		},
		At: Instant(), Verdict: listener.Stuck, Cause: listener.CauseNeverPolled, Culprit: 26939, Class: listener.NeverServed,
		Signs: []listener.SignSeen{
			{Sign: listener.SignRuns, Alive: listener.Known(false), Value: "no time slice in 9 s"},
			{Sign: listener.SignMovesBytes, Alive: listener.Known(false), Value: "it is inert"},
			{Sign: listener.SignServesElsewhere, Alive: listener.Known(false), Value: "it is inert"},
			{Sign: listener.SignWaits, Alive: listener.Known(true), Value: "pid 12 (" + Nasty + ") holds the other end"},
			{Sign: listener.SignAtLimit, Value: "not looked at"},
			{Sign: listener.SignInherited, Alive: listener.Known(false), Value: "it called listen() itself"},
		},
		Decision: &listener.Decision{Act: listener.Hold, Reason: listener.AmbiguousHolders,
			Reasons: []listener.Reason{listener.AmbiguousHolders, listener.TooSoon}},
	}
}

// Life has a value of its own in every field.
func Life() listener.Life {
	shown := func(ago time.Duration, what string) listener.Shown {
		return listener.Shown{Known: true, Ago: listener.Known(ago), What: what}
	}
	return listener.Life{
		Followed: 9 * time.Second, Inert: listener.Known(7 * time.Second), Slices: 3,
		Moved: shown(8*time.Second, "TCP "+Nasty), Served: shown(6*time.Second, "another listener"),
		Polled: shown(5*time.Second, "epoll"), Asked: shown(time.Second, "a lock"), Ran: listener.Shown{},
		Alive: listener.Shown{Known: true, Gap: listener.Known(2 * time.Second)},
		Waits: []listener.Wait{
			{
				For: listener.ForData, Threads: 1, Call: "read", Wchan: "unix_stream_data_wait",
				Thing: listener.ThingUnix, Client: true, Still: 4 * time.Second, AllEnds: true,
				Ends: []listener.End{
					{PID: 12, Comm: Nasty, Halted: true, Then: listener.ForTimer},
					{PID: 13, Comm: "sh", Then: listener.ForChild},
				},
			},
			{For: listener.ForFutex, Threads: 599, Call: "futex", Wchan: "futex_do_wait"},
		},
		Children: 2, Timers: listener.Known(true), Async: listener.Known(false),
		SharesMemory: listener.Maybe[bool]{}, Rings: listener.Known(true), Execs: listener.Known(1),
		Calls:   listener.Known(listener.Calls{Over: 3 * time.Second, Total: 30, Received: 31, Sent: 32, Accepted: 33}),
		Refused: listener.Refusal{N: 34, Errno: 1},
	}
}

// Bare is one of which nothing is known.
func Bare() listener.Judgement {
	return listener.Judgement{
		Listener: &listener.Listener{Sample: listener.Sample{
			Cookie: 1, Netns: 4026531833, MPTCP: true, Local: netip.MustParseAddrPort("[::]:443"),
		}},
		Verdict: listener.Idle,
	}
}

// Unowned is one that nobody holds.
func Unowned() listener.Judgement {
	j := Bare()
	j.Cookie, j.OwnersKnown = 2, true
	return j
}

// Superseded accepts, and a newer one of its program does too.
func Superseded() listener.Judgement {
	j := Full()
	j.Verdict, j.Cause, j.Decision, j.Culprit = listener.Accepting, "", nil, 0
	j.Generations = listener.Known(2)
	j.Superseded = &listener.Superseded{
		Old: listener.Side{
			PIDs: []int{26939, 26940}, Start: 100, Comm: Nasty,
			Cmdline: []string{"haproxy", "-f", "/etc/" + Nasty}, User: "root",
			Since: Instant().Add(-3 * time.Hour), Listeners: []listener.Cookie{0x1a2b},
			Configs: []listener.Config{{Path: "/etc/" + Nasty}},
		},
		New: listener.Side{
			PIDs: []int{27001}, Start: 900, Comm: "haproxy", Cmdline: []string{"haproxy", "-sf", "26939"}, UID: 104,
			Since: Instant().Add(-70 * time.Second), SinceSeen: true, Listeners: []listener.Cookie{0x1a2c},
		},
		Why: []listener.Trait{listener.NamesIt, listener.OtherConfig}, Share: listener.Known(0.49),
	}
	j.Mixed = &listener.Mixed{Users: []string{"haproxy", Nasty}, Containers: []string{"", "3f2a"}}
	return j
}
