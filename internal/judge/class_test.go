package judge

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestTraces: whatever was seen of service makes it one that served.
func TestTraces(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"a connection of its port":        func(s *scene) { s.owner().Connections = listener.Known(1) },
		"connections are unknown":         func(s *scene) { s.owner().Connections = listener.Maybe[int]{} },
		"somebody waited in the window":   func(s *scene) { s.deaf.Window.Waited = 1 },
		"somebody waited before":          func(s *scene) { s.deaf.SeenWaiting = true },
		"a look without waiters":          func(s *scene) { s.deaf.Window.Walked-- },
		"its own epoll set has it":        func(s *scene) { s.evidence().Registered = listener.Known(true) },
		"nobody could ask its epoll sets": func(s *scene) { s.evidence().Registered = listener.Maybe[bool]{} },
		"it accepted once":                func(s *scene) { s.deaf.LastAccept = listener.Rarely(instant().Add(-time.Hour)) },
		"it or another one accepted": func(s *scene) {
			s.deaf.AcceptedAmong = listener.Rarely(instant().Add(-9 * time.Second))
		},
		"an acceptor is known": func(s *scene) {
			s.deaf.Acceptors = []listener.Acceptor{{PID: deafPID, Start: s.owner().Start}}
		},
		"no census yet": func(s *scene) { s.deaf.OwnersKnown = false },
	} {
		t.Run(name, func(t *testing.T) {
			checkGate(t, change, []listener.Reason{listener.Served, listener.TooSoon})
			checkGate(t, func(s *scene) { change(s); s.allowServed() }, nil)
		})
	}
}

// TestOneOfOthersAccepted: it was inert when it or one of several other members accepted.
func TestOneOfOthersAccepted(t *testing.T) {
	checkGate(t, func(s *scene) { s.deaf.AcceptedAmong = listener.Rarely(instant().Add(-7 * time.Second)) }, nil)
}

// TestNeverServed: a listener that is counted from its birth on needs no proof by its waiters.
func TestNeverServed(t *testing.T) {
	born := instant().Add(-time.Hour)
	counted := func(s *scene) {
		s.deaf.ListenedAt, s.deaf.CountedSince = listener.Rarely(born), listener.Rarely(born)
		s.deaf.Caller = listener.Rarely(listener.Caller{PID: deafPID})
		s.deaf.Accepted = listener.Counted(uint64(0))
		s.evidence().Registered = listener.Maybe[bool]{}
	}
	held := []listener.Reason{listener.Served, listener.TooSoon}
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"nothing accepted":    {func(*scene) {}, nil},
		"one accepted":        {func(s *scene) { s.deaf.Accepted = listener.Counted(uint64(1)) }, held},
		"accepted is unknown": {func(s *scene) { s.deaf.Accepted = listener.Count{} }, held},
		"counted too late":    {func(s *scene) { s.deaf.CountedSince = listener.Rarely(born.Add(1)) }, held},
		"holds a connection":  {func(s *scene) { s.owner().Connections = listener.Known(1) }, held},
		"was seen to accept":  {func(s *scene) { s.deaf.LastAccept = listener.Rarely(born) }, held},
		"somebody waited":     {func(s *scene) { s.deaf.SeenWaiting = true }, held},
		"it runs":             {(*scene).runs, held},
	} {
		t.Run(name, func(t *testing.T) {
			checkGate(t, func(s *scene) { counted(s); c.change(s) }, c.want)
		})
	}
}
