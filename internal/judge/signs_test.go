package judge

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// onOne is a wait whose other end one process has.
func onOne(what listener.For, end listener.End) listener.Wait {
	end.PID = 7
	return listener.Wait{For: what, AllEnds: true, Ends: []listener.End{end}}
}

// lively gives scenes that show one sign of life each, by the sign. Without the sign each is
// acted on, also as one of the class served if that is allowed.
func lively() map[listener.Sign]map[string]func(*scene) {
	lives := func(change func(*listener.Life)) func(*scene) { return func(s *scene) { s.live(change) } }
	wait := func(w listener.Wait) func(*scene) {
		w.Threads = 1
		return lives(func(l *listener.Life) { l.Waits = []listener.Wait{w} })
	}
	stood := func(w listener.Wait) listener.Wait {
		w.Still = time.Hour
		return w
	}
	reader := []listener.End{{PID: 7}}
	yes, unknown := listener.Known(true), listener.Maybe[bool]{}
	return map[listener.Sign]map[string]func(*scene){
		listener.SignMovesBytes: {
			"files": lives(func(l *listener.Life) { l.Moved = ago(time.Second, "9 bytes") }),
			"nobody could look all the time": lives(func(l *listener.Life) {
				l.Moved.Gap = listener.Known(time.Second)
			}),
		},
		listener.SignServesElsewhere: {
			"its calls tell":            lives(func(l *listener.Life) { l.Served = ago(time.Second, "it accepted") }),
			"another listener accepted": func(s *scene) { s.runs(); s.elsewhere(instant().Add(-time.Second)) },
			"one that it shares": func(s *scene) {
				s.runs()
				s.elsewhere(instant().Add(-time.Second))
				s.others[0].Owners = append(s.others[0].Owners, owner(77))
			},
			"one in another network namespace": func(s *scene) {
				s.runs()
				s.elsewhere(instant().Add(-time.Second))
				s.others[0].Netns++
			},
		},
		listener.SignWaits: {
			"a timer":                       wait(listener.Wait{For: listener.ForTimer}),
			"a child":                       wait(listener.Wait{For: listener.ForChild}),
			"a lock":                        wait(onOne(listener.ForLock, listener.End{})),
			"events":                        wait(listener.Wait{For: listener.ForEvents}),
			"one descriptor":                wait(listener.Wait{For: listener.ForOne}),
			"NFS":                           wait(listener.Wait{For: listener.ForNetFS}),
			"nobody knows":                  wait(listener.Wait{For: listener.ForUnknown}),
			"a peer on another host":        wait(listener.Wait{For: listener.ForData}),
			"a peer on this one":            wait(onOne(listener.ForData, listener.End{})),
			"a pipe that was read from":     wait(onOne(listener.ForReader, listener.End{})),
			"a pipe whose reader is halted": wait(stood(onOne(listener.ForReader, listener.End{Halted: true}))),
			"a pipe with another reader":    wait(stood(listener.Wait{For: listener.ForReader, Ends: reader})),
			"a thread nobody was told of":   func(s *scene) { s.evidence().Total++ },
			"one thread of two": lives(func(l *listener.Life) {
				l.Waits = append(l.Waits, listener.Wait{For: listener.ForTimer, Threads: 1})
			}),
			"a child lives":         lives(func(l *listener.Life) { l.Children = 1 }),
			"a timer is armed":      lives(func(l *listener.Life) { l.Timers = yes }),
			"timers are unknown":    lives(func(l *listener.Life) { l.Timers = unknown }),
			"signals by O_ASYNC":    lives(func(l *listener.Life) { l.Async = yes }),
			"shared memory":         lives(func(l *listener.Life) { l.SharesMemory = yes }),
			"a ring":                lives(func(l *listener.Life) { l.Rings = yes }),
			"it did so a while ago": lives(func(l *listener.Life) { l.Alive = ago(time.Second, "a timer") }),
			"it asked a while ago":  lives(func(l *listener.Life) { l.Asked = ago(time.Second, "a peer") }),
		},
		listener.SignAtLimit: {
			"no descriptor left": func(s *scene) { s.runs(); s.evidence().FilesFull = yes },
			"nobody knows how many are left": func(s *scene) {
				s.runs()
				s.evidence().FilesFull = unknown
			},
			"it polls": lives(func(l *listener.Life) { l.Polled = ago(time.Second, "polls") }),
			"it ran when it was looked at": func(s *scene) {
				s.runs()
				s.live(func(l *listener.Life) { l.Ran = ago(0, "it ran") })
			},
			"accept fails for lack of descriptors": func(s *scene) {
				s.runs()
				s.live(func(l *listener.Life) { l.Refused = listener.Refusal{N: 9, Errno: int(syscall.EMFILE)} })
			},
			"a thread for each client": func(s *scene) {
				s.owner().Connections = listener.Known(2)
				s.evidence().Total = 3
				s.live(func(l *listener.Life) {
					l.Waits = append(l.Waits, listener.Wait{For: listener.ForData, Client: true, AllEnds: true, Threads: 2})
				})
			},
		},
		listener.SignTold: {
			"a traced thread":   func(s *scene) { s.evidence().Threads[0].Tracer = 9 },
			"a stopped thread":  func(s *scene) { s.evidence().Threads[0].State = "T" },
			"a frozen cgroup":   func(s *scene) { s.evidence().Frozen = yes },
			"a thread in trap":  func(s *scene) { s.evidence().Threads[0].Wchan = "do_freezer_trap" },
			"nobody could look": func(s *scene) { s.evidence().Frozen = unknown; s.evidence().Threads = nil },
		},
		listener.SignInherited: {
			"it executed another program": func(s *scene) {
				s.owner().Cmdline = []string{"haproxy", "-vv"}
				s.live(func(l *listener.Life) { l.Execs = listener.Known(1) })
			},
			"it made the socket, and executed another program since": func(s *scene) {
				s.owner().Made, s.owner().Cmdline = true, []string{"haproxy", "-vv"}
				s.live(func(l *listener.Life) { l.Execs = listener.Known(1) })
			},
			"it began after the listener": func(s *scene) {
				s.deaf.BornSinceBoot, s.deaf.Caller = listener.Rarely(time.Hour), listener.Rarely(listener.Caller{PID: 9})
				s.owner().Image, s.owner().Cmdline = time.Hour+time.Nanosecond, []string{"haproxy", "-vv"}
			},
			"older than us, and another holds it with it": func(s *scene) {
				s.deaf.Owners = append(s.deaf.Owners, owner(deafPID+1))
			},
			"older than us, younger than its clients": func(s *scene) { s.owner().Started = instant().Add(-time.Minute) },
			"older than us, and not what its siblings are": func(s *scene) {
				s.owner().Exe = "/usr/bin/sleep"
			},
			"older than us, and a job of the same interpreter": func(s *scene) {
				s.owner().Exe, s.alive.Owners[0].Exe = "/usr/bin/python3.11", "/usr/bin/python3.11"
				s.owner().Cmdline, s.alive.Owners[0].Cmdline = []string{"python3", "encode.py"}, []string{"python3", "-u", "srv.py"}
			},
			"older than us, and nobody could read its command line": func(s *scene) { s.owner().Cmdline = nil },
		},
	}
}

// TestSigns: each sign of life holds a kill, whatever the class, and none goes unshown.
func TestSigns(t *testing.T) {
	for _, row := range listener.Signs() {
		for name, change := range lively()[row.Sign] {
			for _, allow := range []bool{false, true} {
				t.Run(string(row.Sign)+"/"+name, func(t *testing.T) {
					s := newScene()
					if allow {
						s.allowServed()
					}
					change(s)
					j := Judge(snapshot(append([]*listener.Listener{s.deaf, s.alive}, s.others...)...), s.policy, s.past)[0]
					i := slices.IndexFunc(j.Signs, func(g listener.SignSeen) bool { return g.Sign == row.Sign })
					if !j.Signs[i].Holds() {
						t.Errorf("%s: %+v", row.Sign, j.Signs[i])
					}
					if j.Decision.Act != listener.Hold || j.Class == listener.Dead || j.Class == listener.NeverServed {
						t.Errorf("class %s, %+v", j.Class, j.Decision)
					}
					if !slices.ContainsFunc(j.Decision.Reasons, func(r listener.Reason) bool {
						return slices.Contains(row.Holds, r) || r == listener.AmbiguousHolders
					}) {
						t.Errorf("held by %v, none of which is one of %v", j.Decision.Reasons, row.Holds)
					}
				})
			}
		}
	}
}

// TestRuns: nothing is proven of a process that runs; it is acted on only if the class served
// may be.
func TestRuns(t *testing.T) {
	checkGate(t, (*scene).runs, []listener.Reason{listener.Served, listener.TooSoon})
	checkGate(t, func(s *scene) { s.runs(); s.allowServed() }, nil)
	// A signal that it handles ends its inertness, but does not change its class.
	checkGate(t, func(s *scene) { s.live(func(l *listener.Life) { l.Inert = listener.Known(5 * time.Second) }) },
		[]listener.Reason{listener.TooSoon})
	checkGate(t, func(s *scene) { s.live(func(l *listener.Life) { l.Inert = listener.Maybe[time.Duration]{} }) },
		[]listener.Reason{listener.Served, listener.TooSoon})
}

// TestDeadEnds: each row of the table is acted on, and nothing that is missing from it.
func TestDeadEnds(t *testing.T) {
	reader := []listener.End{{PID: 7}}
	for _, row := range listener.DeadEnds() {
		t.Run(string(row.For), func(t *testing.T) {
			w := listener.Wait{For: row.For, Threads: 1, AllEnds: true}
			if row.For == listener.ForReader {
				w.Ends, w.Still = reader, 9*time.Second
			}
			checkGate(t, func(s *scene) { s.live(func(l *listener.Life) { l.Waits = []listener.Wait{w} }) }, nil)
		})
	}
	// The pipe must have stood for as long as the process.
	checkGate(t, func(s *scene) {
		s.live(func(l *listener.Life) {
			l.Waits = []listener.Wait{{For: listener.ForReader, Threads: 1, AllEnds: true, Ends: reader, Still: 5 * time.Second}}
		})
	}, []listener.Reason{listener.TooSoon})
}

// TestAllowWaiting: it lifts waits for a silent peer, a lock, a file system that may come
// back; never for a timer, a living child, or somebody who is stopped, traced or frozen.
func TestAllowWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		wait   listener.Wait
		lifted bool
	}{
		"a peer on another host":        {listener.Wait{For: listener.ForData, Thing: listener.ThingConnection}, true},
		"a peer on this one":            {onOne(listener.ForData, listener.End{Then: listener.ForNothing}), true},
		"a peer that is stopped":        {onOne(listener.ForData, listener.End{Halted: true}), false},
		"a peer on a timer":             {onOne(listener.ForData, listener.End{Then: listener.ForTimer}), false},
		"room to send":                  {listener.Wait{For: listener.ForPeer, Thing: listener.ThingConnection}, false},
		"a lock":                        {onOne(listener.ForLock, listener.End{}), true},
		"a lock whose holder waits":     {onOne(listener.ForLock, listener.End{Then: listener.ForChild}), false},
		"NFS":                           {listener.Wait{For: listener.ForNetFS}, true},
		"a disk":                        {listener.Wait{For: listener.ForDisk}, true},
		"a timer":                       {listener.Wait{For: listener.ForTimer}, false},
		"a child":                       {listener.Wait{For: listener.ForChild}, false},
		"events":                        {listener.Wait{For: listener.ForEvents}, false},
		"nobody knows":                  {listener.Wait{For: listener.ForUnknown}, false},
		"a pipe with an unknown reader": {listener.Wait{For: listener.ForReader, Thing: listener.ThingPipe}, false},
		"a pipe whose reader is halted": {onOne(listener.ForReader, listener.End{Halted: true}), false},
	} {
		t.Run(name, func(t *testing.T) {
			want := []listener.Reason{listener.Waits}
			if c.lifted {
				want = nil
			}
			c.wait.Threads = 1
			change := func(s *scene) {
				s.live(func(l *listener.Life) { l.Waits = []listener.Wait{c.wait} })
				s.allowServed()
			}
			checkGate(t, change, []listener.Reason{listener.Waits})
			checkGate(t, func(s *scene) { change(s); s.policy.Default.AllowWaiting = true }, want)
		})
	}
}

// TestRefused: a loop whose accepts fail waits for nobody, and is at a limit only if it lacks
// descriptors.
func TestRefused(t *testing.T) {
	loop := func(errno syscall.Errno) func(*scene) {
		return func(s *scene) {
			s.runs()
			s.allowServed()
			s.live(func(l *listener.Life) {
				l.Waits = []listener.Wait{{For: listener.ForTimer, Threads: 1}}
				l.Alive, l.Polled, l.Ran = ago(0, "a timer"), ago(0, "polls"), ago(0, "it ran")
				l.Refused = listener.Refusal{N: 9, Errno: int(errno)}
			})
		}
	}
	checkGate(t, loop(syscall.EPERM), nil)
	checkGate(t, func(s *scene) { loop(syscall.EPERM)(s); s.used(listener.Usage{RunnableWait: 0.5}) }, nil)
	checkGate(t, func(s *scene) { loop(syscall.EMFILE)(s); s.used(listener.Usage{RunnableWait: 0.5}) },
		[]listener.Reason{listener.Starved, listener.AtLimit, listener.Waits})
	checkGate(t, loop(syscall.EMFILE), []listener.Reason{listener.AtLimit, listener.Waits})
	checkGate(t, func(s *scene) { loop(syscall.EPERM)(s); s.policy.Default.AllowServed = false },
		[]listener.Reason{listener.Served})
}

// TestAllowStopped: a stopped process waits for SIGCONT alone, which is no sign of life.
func TestAllowStopped(t *testing.T) {
	stop := func(s *scene) {
		s.evidence().Threads[0].State = "T"
		s.live(func(l *listener.Life) { l.Waits[0].For = listener.ForSIGCONT })
		s.allowServed()
	}
	checkGate(t, stop, []listener.Reason{listener.Stopped})
	checkGate(t, func(s *scene) { stop(s); s.policy.Default.AllowStopped = true }, nil)
}

// TestSignsAskTheTable: each sign once and in the table's order.
func TestSignsAskTheTable(t *testing.T) {
	var found []listener.Sign
	for _, s := range signsOfLife() {
		found = append(found, s.name)
	}
	var table []listener.Sign
	for _, row := range listener.Signs() {
		table = append(table, row.Sign)
	}
	if !slices.Equal(found, table) {
		t.Errorf("looked for are %v, the table has %v", found, table)
	}
}
