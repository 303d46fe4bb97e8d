package judge

import (
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// The incident: an old haproxy that never accepts beside a new one that does.
const (
	deafPID  = 26939
	alivePID = 27001
	group    = listener.GroupKey(0xffff888000001000)
)

func instant() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func testPolicy() *Policy {
	return &Policy{
		Default: Settings{
			Action: listener.Kill, StuckAfter: 5 * time.Second, ActAfter: 8 * time.Second,
			ActAfterServed: 12 * time.Second, StartupGrace: 5 * time.Minute, Budget: Budget{1, 10 * time.Minute},
		},
		Protect: []string{"sshd"}, Self: []int{4000}, HostBudget: Budget{5, time.Hour},
	}
}

func owner(pid int) listener.Owner {
	return listener.Owner{
		Holder: &listener.Holder{
			PID:     pid,
			NSPID:   pid,
			Comm:    "haproxy",
			Exe:     "/usr/sbin/haproxy",
			Cmdline: []string{"haproxy", "-f", "a.cfg"},
			State:   "S",
			Start:   uint64(pid),
			Wchan:   "wait_for_partner",
			Started: instant().Add(time.Duration(pid)*time.Millisecond - 3*time.Hour),
			PIDNS:   listener.Known(uint32(4026531836)),
		},
		Connections:       listener.Known(0),
		AcceptedElsewhere: listener.Known(false),
		Evidence: &listener.Evidence{
			Usage: listener.Known(listener.Usage{Over: 9 * time.Second}), Frozen: listener.Known(false),
			Registered: listener.Known(false), Total: 1,
			Threads:   []listener.Thread{{TID: pid, State: "S", Wchan: "wait_for_partner"}},
			FilesFull: listener.Known(false), Life: listener.Known(still()),
		},
	}
}

// still is the life of a process that opens a FIFO whose other side nobody has open.
func still() listener.Life {
	quiet, not := listener.Shown{Known: true}, listener.Known(false)
	return listener.Life{
		Followed: 9 * time.Second, Inert: listener.Known(9 * time.Second),
		Moved: quiet, Served: quiet, Polled: quiet, Alive: quiet, Asked: quiet, Ran: quiet,
		Waits:  []listener.Wait{{For: listener.ForFIFO, Threads: 1, Call: "openat", Wchan: "wait_for_partner"}},
		Timers: not, Async: not, SharesMemory: not, Rings: not, Execs: listener.Known(0),
	}
}

// live changes the life of an owner.
func live(o *listener.Owner, change func(*listener.Life)) {
	l, _ := o.Evidence.Life.Get()
	change(&l)
	o.Evidence.Life = listener.Known(l)
}

func ago(d time.Duration, what string) listener.Shown {
	return listener.Shown{Known: true, Ago: listener.Known(d), What: what}
}

func member(key listener.Key, pid int) *listener.Listener {
	return &listener.Listener{
		Sample: listener.Sample{
			Key: key, Cookie: listener.Cookie(key), Group: group, GroupSize: 2, Reuseport: true,
			Local: netip.MustParseAddrPort("10.39.1.68:80"), Netns: 4026531840, Backlog: 4096, WaitersKnown: true,
		},
		FirstSeen: instant().Add(-time.Hour), OwnersKnown: true, Owners: []listener.Owner{owner(pid)},
	}
}

// deaf has had the same head for ten looks; nobody waits on it.
func deaf() *listener.Listener {
	l := member(1, deafPID)
	l.Queue = 3285
	l.Head = listener.Head{Request: 1, Remote: netip.MustParseAddrPort("192.0.2.1:40000")}
	l.OldestWait = listener.Rarely(2 * time.Hour)
	l.Window = listener.Window{Since: instant().Add(-9 * time.Second), Observed: 9 * time.Second, Samples: 10, Walked: 9}
	return l
}

func alive() *listener.Listener {
	l := member(2, alivePID)
	l.LastAccept = listener.Rarely(instant().Add(-time.Second))
	return l
}

func snapshot(ls ...*listener.Listener) *listener.Snapshot {
	return &listener.Snapshot{Time: instant(), Interval: time.Second, Watched: true, Listeners: ls}
}

func judgeFirst(t *testing.T, s *listener.Snapshot, p *Policy) listener.Judgement {
	t.Helper()
	js := Judge(s, p, &Past{})
	if len(js) != len(s.Listeners) {
		t.Fatalf("%d judgements of %d listeners", len(js), len(s.Listeners))
	}
	return js[0]
}

func TestVerdict(t *testing.T) {
	const wait = 20 * time.Second
	for name, c := range map[string]struct {
		change func(*listener.Listener, *listener.Snapshot)
		want   listener.Verdict
	}{
		"empty, nothing known": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Queue, l.Window = 0, listener.Window{}
		}, listener.Idle},
		"empty, accepted lately": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Queue, l.Window = 0, listener.Window{}
			l.LastAccept = listener.Rarely(instant().Add(-59 * time.Second))
		}, listener.Accepting},
		"empty, accepted long ago": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Queue, l.Window = 0, listener.Window{}
			l.LastAccept = listener.Rarely(instant().Add(-61 * time.Second))
		}, listener.Idle},
		"a young client": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Window = listener.Window{Samples: 2, Observed: time.Second}
			l.OldestWait = listener.Rarely(time.Second)
		}, listener.NoVerdict},
		"old heads that change: a slow acceptor": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Window = listener.Window{Samples: 2, Observed: time.Second}
			l.OldestWait = listener.Rarely(wait)
			l.LastAccept = listener.Rarely(instant().Add(-time.Second))
		}, listener.Slow},
		"an old head at first look": {func(l *listener.Listener, s *listener.Snapshot) {
			l.Window = listener.Window{Samples: 1}
			l.OldestWait = listener.Rarely(wait)
			s.Watched = false
		}, listener.Suspect},
		"a young head at first look": {func(l *listener.Listener, s *listener.Snapshot) {
			l.Window = listener.Window{Samples: 1}
			l.OldestWait = listener.Rarely(time.Second)
			s.Watched = false
		}, listener.NoVerdict},
		"three looks": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Window = listener.Window{Samples: 3, Observed: 2 * time.Second}
			l.OldestWait = listener.Rarely(2 * time.Second)
		}, listener.Suspect},
		"just before --stuck-after": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Window.Observed = 5*time.Second - 1
		}, listener.Suspect},
		"at --stuck-after": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Window.Observed = 5 * time.Second
		}, listener.Stuck},
		"one look can convict nobody": {func(l *listener.Listener, s *listener.Snapshot) {
			s.Watched = false
			l.Window.Samples = 1
		}, listener.Suspect},
		"age alone convicts nobody: the agent was paused": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Window = listener.Window{Since: instant().Add(-time.Hour), Samples: 3, Observed: 2 * time.Second}
		}, listener.Suspect},
		"clients that gave up are still a stuck queue": {func(l *listener.Listener, _ *listener.Snapshot) {
			l.Selected = listener.Counted(uint64(0))
		}, listener.Stuck},
	} {
		t.Run(name, func(t *testing.T) {
			l := deaf()
			s := snapshot(l)
			c.change(l, s)
			j := judgeFirst(t, s, testPolicy())
			if j.Verdict != c.want {
				t.Errorf("verdict %q, want %q", j.Verdict, c.want)
			}
			if (j.Decision != nil) != (c.want == listener.Stuck) {
				t.Errorf("decision %+v with verdict %q", j.Decision, j.Verdict)
			}
		})
	}
}

func TestTheIncidentIsActedOn(t *testing.T) {
	j := judgeFirst(t, snapshot(deaf(), alive()), testPolicy())
	blocked := j.Verdict == listener.Stuck && j.Cause == listener.CauseBlocked
	if !blocked || j.Class != listener.Dead || j.Culprit != deafPID {
		t.Errorf("%s, %s, culprit %d", j.Verdict, j.Cause, j.Culprit)
	}
	if diff := cmp.Diff(&listener.Decision{Act: listener.Kill}, j.Decision, butSiblings()); diff != "" {
		t.Error(diff)
	}
}

func TestCause(t *testing.T) {
	evidence := func(l *listener.Listener) *listener.Evidence { return l.Owners[0].Evidence }
	used := func(l *listener.Listener, u listener.Usage) {
		u.Over = 9 * time.Second
		evidence(l).Usage = listener.Known(u)
	}
	served := func(l *listener.Listener) {
		l.Owners[0].Connections = listener.Known(3)
		l.Window.Waited, l.Window.Armed = 9, 9
	}
	lives := func(l *listener.Listener, change func(*listener.Life)) { live(&l.Owners[0], change) }
	waits := func(w listener.Wait) func(*listener.Listener) {
		return func(l *listener.Listener) { lives(l, func(f *listener.Life) { f.Waits = []listener.Wait{w} }) }
	}
	cases := map[listener.Cause]func(*listener.Listener){
		listener.CauseNeverPolled: func(l *listener.Listener) {
			born := instant().Add(-time.Hour)
			l.ListenedAt, l.CountedSince, l.Accepted = listener.Rarely(born), listener.Rarely(born), listener.Counted(uint64(0))
			l.Caller = listener.Rarely(listener.Caller{PID: deafPID})
		},
		listener.CauseStopped:  func(l *listener.Listener) { l.Owners[0].State = "T" },
		listener.CauseTraced:   func(l *listener.Listener) { evidence(l).Threads[0].Tracer = 7 },
		listener.CauseUnowned:  func(l *listener.Listener) { l.Owners = nil },
		listener.CauseFrozen:   func(l *listener.Listener) { evidence(l).Frozen = listener.Known(true) },
		listener.CauseStarved:  func(l *listener.Listener) { used(l, listener.Usage{RunnableWait: 0.1}) },
		listener.CauseSpinning: func(l *listener.Listener) { served(l); used(l, listener.Usage{User: 9 * time.Second}) },
		listener.CauseRefused: func(l *listener.Listener) {
			lives(l, func(f *listener.Life) {
				f.Refused, f.Inert = listener.Refusal{N: 5, Errno: int(syscall.EPERM)}, listener.Known(time.Duration(0))
			})
		},
		listener.CauseInherited: func(l *listener.Listener) { l.Owners[0].Exe = "/usr/bin/sleep" },
		listener.CauseBusy: func(l *listener.Listener) {
			served(l)
			lives(l, func(f *listener.Life) { f.Moved = ago(time.Second, "9 bytes") })
		},
		listener.CauseAtLimit: func(l *listener.Listener) {
			served(l)
			lives(l, func(f *listener.Life) { f.Polled = ago(time.Second, "polls") })
		},
		listener.CauseOnChild:    waits(listener.Wait{For: listener.ForChild, Threads: 1}),
		listener.CauseOnPeer:     waits(listener.Wait{For: listener.ForData, Threads: 1}),
		listener.CauseOnLock:     waits(listener.Wait{For: listener.ForLock, Threads: 1}),
		listener.CauseIgnores:    func(l *listener.Listener) { l.Window.Waited, l.Window.Armed, l.Window.Slept = 9, 9, 9 },
		listener.CauseBlocked:    func(l *listener.Listener) { served(l); l.Owners[0].Wchan = "futex_do_wait" },
		listener.CauseNotPolling: func(l *listener.Listener) { served(l); l.Owners[0].Wchan = "" },
		listener.CauseUnknown:    func(l *listener.Listener) { l.Window.Walked = 0 },
	}
	for _, row := range listener.Causes() {
		change, known := cases[row.Cause]
		if !known {
			t.Errorf("nothing is %s here", row.Cause)
			continue
		}
		l := deaf()
		change(l)
		if j := judgeFirst(t, snapshot(l, alive()), testPolicy()); j.Cause != row.Cause {
			t.Errorf("cause %q, want %q", j.Cause, row.Cause)
		}
	}
}

func TestOrderOfListenersChangesNothing(t *testing.T) {
	ls := []*listener.Listener{deaf(), alive(), member(3, 5000)}
	want := Judge(snapshot(ls...), testPolicy(), &Past{})
	slices.Reverse(ls)
	got := Judge(snapshot(ls...), testPolicy(), &Past{})
	slices.Reverse(got)
	same := cmp.Options{
		cmp.Comparer(func(a, b *listener.Listener) bool { return a == b }),
		cmp.Comparer(func(a, b listener.Maybe[int]) bool { return a == b }),
		cmp.Comparer(func(a, b listener.Maybe[bool]) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
}
