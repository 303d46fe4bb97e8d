// Package wiretest has what tests of reusewatch/v1 and of its readers write and read.
package wiretest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Thresholds are those of the frames and explanations here.
func Thresholds() wire.Thresholds {
	return wire.Thresholds{
		Action: listener.Observe, StuckAfter: 10 * time.Second,
		ActAfter: 30 * time.Second, ActAfterServed: 2 * time.Minute,
	}
}

// Frame is a daemon's of these.
func Frame(js ...listener.Judgement) *wire.Frame {
	return &wire.Frame{
		Time: listenertest.Instant(), Tier: listener.TierFunctions, Interval: time.Second, Watched: true, Complete: true,
		Host: wire.Host{Name: "web-1", Kernel: "6.12.107"}, Policy: Thresholds(), Listeners: js,
		Cost: listener.Known(wire.Cost{
			PID: 99, Started: listenertest.Instant().Add(-time.Hour), CPU: 3 * time.Second, RSS: 23 << 20,
			BPFTime: 5 * time.Millisecond, BPFRuns: 25000,
		}),
	}
}

// Events has one of each kind.
func Events() []wire.Event {
	held, wouldAct, done := listenertest.Full(), listenertest.Full(), listenertest.Full()
	wouldAct.Decision = &listener.Decision{
		Act: listener.Observe, Reason: listener.NotArmed, Reasons: []listener.Reason{listener.NotArmed},
	}
	act := &listener.Act{
		ID: "0102", Action: listener.Kill, Owner: listener.Owner{Holder: &listener.Holder{PID: 26939}},
		Listeners: []listener.Cookie{0x1a2b, 0xff}, Evidence: "/var/lib/reusewatch/e.json",
		Outcome: listener.Outcome{
			Method: listener.SIGTERM, Took: 1500 * time.Microsecond,
			Rescue: "moved to other members", Rescued: listener.Known(3281), Stale: listener.Known(4),
		},
	}
	failed := *act
	failed.Failure = "process 26939 survived SIGKILL"
	suspect := listenertest.Bare()
	suspect.Verdict, suspect.Queue, suspect.OldestWait = listener.Suspect, 1, listener.Rarely(3*time.Second)
	return []wire.Event{
		{Time: listenertest.Instant(), Kind: wire.Ready, Tier: listener.TierTracepoints, Count: 3},
		{Time: listenertest.Instant(), Kind: wire.Listening, Listener: &done},
		{Time: listenertest.Instant(), Kind: wire.Suspect, Listener: &suspect},
		{Time: listenertest.Instant(), Kind: wire.Stuck, Listener: &held},
		{Time: listenertest.Instant(), Kind: wire.Held, Listener: &held},
		{Time: listenertest.Instant(), Kind: wire.Held, Listener: &wouldAct},
		{Time: listenertest.Instant(), Kind: wire.Acting, Listener: &done, Act: act},
		{Time: listenertest.Instant(), Kind: wire.Acted, Listener: &done, Act: act},
		{Time: listenertest.Instant(), Kind: wire.ActFailed, Listener: &done, Act: &failed},
		{Time: listenertest.Instant(), Kind: wire.Closed, Listener: &done},
		{Time: listenertest.Instant(), Kind: wire.Recovered, Listener: &done},
	}
}

// Explained is listenertest.Full with all that explain knows, and names that a process
// chose to do harm wherever a name is shown.
func Explained() *wire.Explanation {
	j := listenertest.Full()
	l := *j.Listener
	j.Listener, j.At = &l, listenertest.Instant()
	l.FirstSeen = listenertest.Instant().Add(-time.Minute)
	l.Window = listener.Window{
		Since: listenertest.Instant().Add(-20 * time.Second), Observed: 20 * time.Second, Samples: 21, Walked: 20,
	}
	l.Caller = listener.Rarely(listener.Caller{
		PID: 26924, UID: 0, Comm: listenertest.Nasty,
		Parents: []listener.Parent{{PID: 800, Comm: listenertest.Nasty}, {PID: 1, Comm: "systemd"}},
	})
	o := &l.Owners[0]
	o.Connections, o.AcceptedElsewhere, o.Tracer = listener.Known(3), listener.Known(true), 77
	o.Cgroup = "/machine/" + listenertest.Nasty
	stack := strings.Fields("wait_for_partner fifo_open do_dentry_open vfs_open path_openat do_filp_open " +
		"do_sys_openat2 __x64_sys_openat do_syscall_64")
	threads := []listener.Thread{
		{TID: 26939, Comm: listenertest.Nasty, State: "S", Wchan: "wait_for_partner", Stack: stack},
		{TID: 26941, Comm: "poller", State: "S", Wchan: "ep_poll", Stack: []string{"ep_poll"}},
	}
	for i := range 20 {
		threads = append(threads, listener.Thread{TID: 26950 + i, Comm: "worker", State: "S", Wchan: "futex_do_wait"})
	}
	threads = append(threads, listener.Thread{
		TID: 26999, Comm: "disk", State: "D",
		Wchan: "io_schedule", Stack: []string{"io_schedule", listenertest.Nasty},
	})
	o.Evidence = &listener.Evidence{
		Usage: listener.Known(listener.Usage{
			Over: 20 * time.Second, User: 30 * time.Millisecond, System: 10 * time.Millisecond, RunnableWait: 0.02,
		}),
		Threads: threads, Total: 600, Frozen: listener.Known(true), Registered: listener.Known(false),
		FilesFull: listener.Known(true), TracerComm: listenertest.Nasty,
		Parents: []listener.Parent{{PID: 26924, Comm: listenertest.Nasty}, {PID: 1, Comm: "systemd"}},
	}
	life := listenertest.Life()
	life.Inert = listener.Known(20 * time.Second)
	life.Waits = append(life.Waits,
		listener.Wait{
			For: listener.ForFIFO, Threads: 1, Call: "openat",
			Wchan: "wait_for_partner", Thing: listener.ThingPipe, AllEnds: true,
		},
		listener.Wait{For: listener.ForUnknown, Threads: 1, Wchan: listenertest.Nasty})
	o.Evidence.Life = listener.Known(life)
	healthy := listenertest.Bare()
	h := *healthy.Listener
	healthy.Listener, healthy.At, healthy.Verdict = &h, listenertest.Instant(), listener.Accepting
	h.Cookie, h.Local, h.Accepted = 0xff, l.Local, listener.Counted(uint64(812))
	h.Share, h.LastAccept = listener.Rarely(0.49), listener.Rarely(listenertest.Instant().Add(-time.Second))
	h.Owners = []listener.Owner{{Holder: &listener.Holder{
		PID: 30000, Comm: listenertest.Nasty, User: "haproxy", Started: listenertest.Instant().Add(-time.Hour),
	}}}
	return &wire.Explanation{
		Judgement: j, Tier: listener.TierFunctions, Watched: true, Interval: time.Second,
		Policy:  Thresholds(),
		Note:    `"80" was taken as port:80; there is pid:80 too.`,
		Members: []listener.Judgement{healthy, j}, Others: []listener.Judgement{listenertest.Bare()},
		Clients: listener.Known(listener.Clients{Total: 3290, Gone: 1202, Oldest: []listener.Client{
			{Remote: netip.MustParseAddrPort("203.0.113.7:40001"), Waited: 131 * time.Minute, Unread: listener.Known(uint32(5))},
			{
				Remote: netip.MustParseAddrPort("[2001:db8::1]:65535"), Waited: 90 * time.Second,
				Unread: listener.Known(uint32(1_234_567)), Gone: listener.GoneFIN,
			},
			{Remote: netip.MustParseAddrPort("198.51.100.9:9"), Waited: 200 * time.Millisecond, Gone: listener.GoneRST},
		}}),
	}
}

// Unexplained is a suspect of which nothing else is known.
func Unexplained() *wire.Explanation {
	j := listenertest.Bare()
	j.Verdict, j.Queue, j.At = listener.Suspect, 1, listenertest.Instant()
	return &wire.Explanation{Judgement: j, Tier: listener.TierQueues, Interval: time.Second, Policy: Thresholds()}
}
