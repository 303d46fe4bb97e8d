package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestMade: a process that made the socket in the program that it runs has not inherited it,
// whoever else holds it and whatever its siblings are.
func TestMade(t *testing.T) {
	for name, change := range lively()[listener.SignInherited] {
		s := newScene()
		change(s)
		for i := range s.deaf.Owners { // while the culprit is unknown, all are asked
			s.deaf.Owners[i].Made = true
		}
		j := judgeFirst(t, snapshot(s.deaf, s.alive), s.policy)
		i := slices.IndexFunc(j.Signs, func(seen listener.SignSeen) bool { return seen.Sign == listener.SignInherited })
		if executed := strings.Contains(name, "executed"); j.Signs[i].Alive == listener.Known(false) == executed {
			t.Errorf("%s: %+v", name, j.Signs[i])
		}
	}
}

// TestForgotten: a listener that a child inherited, and that nobody serves on, is closed
// whatever its holder does.
func TestForgotten(t *testing.T) {
	sleeper := func(s *scene) {
		s.owner().Exe = "/usr/bin/sleep"
		s.live(func(l *listener.Life) { l.Execs, l.Waits[0].For = listener.Known(1), listener.ForTimer })
	}
	kept := []listener.Reason{
		listener.Waits, listener.Inherited, listener.MixedGroup, listener.NoSiblingAccepted,
		listener.Served, listener.TooSoon,
	}
	checkGate(t, sleeper, kept)
	s := newScene()
	s.policy.Default.Action = listener.Close
	sleeper(s)
	s.deaf.Window.Observed = 12 * time.Second
	if j := judgeFirst(t, snapshot(s.deaf, s.alive), s.policy); j.Decision.Act != listener.Close {
		t.Errorf("%+v", j.Decision)
	}
	s.owner().Connections = listener.Known(1)
	if j := judgeFirst(t, snapshot(s.deaf, s.alive), s.policy); j.Decision.Act != listener.Hold {
		t.Errorf("one that holds a connection: %+v", j.Decision)
	}
	s.owner().Connections = listener.Known(0)
	s.deaf.SeenWaiting = true
	if j := judgeFirst(t, snapshot(s.deaf, s.alive), s.policy); j.Decision.Act != listener.Hold {
		t.Errorf("one that served: %+v", j.Decision)
	}
}

// TestReexec: a master that executes itself anew is of the pool; a job of the same
// interpreter is not.
func TestReexec(t *testing.T) {
	plain := []string{"haproxy", "-W", "-f", "a"}
	for name, c := range map[string]struct {
		mine, sibling []string
		want          listener.Maybe[bool]
	}{
		"the same, but for pids": {append(slices.Clone(plain), "-sf", "12", "13"), plain, listener.Known(false)},
		"with what it got": {
			[]string{"haproxy", "-W", "-x", "sockpair@4", "-f", "a"}, plain, listener.Known(false),
		},
		"a job":                {[]string{"python3", "job.py"}, []string{"python3", "srv.py"}, listener.Known(true)},
		"nobody could read it": {nil, nil, listener.Known(true)},
	} {
		s := newScene()
		s.live(func(l *listener.Life) { l.Execs = listener.Known(1) })
		s.owner().Cmdline, s.alive.Owners[0].Cmdline = c.mine, c.sibling
		j := judgeFirst(t, snapshot(s.deaf, s.alive), s.policy)
		if got := j.Signs[len(j.Signs)-1]; got.Sign != listener.SignInherited || got.Alive != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
