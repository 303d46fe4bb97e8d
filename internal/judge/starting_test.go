package judge

import (
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// aged makes both members this old, as the daemon saw or by the start of their owners.
func aged(s *scene, deafAge, aliveAge time.Duration) {
	s.deaf.FirstSeen, s.alive.FirstSeen = instant().Add(-deafAge), instant().Add(-aliveAge)
	s.owner().Started, s.alive.Owners[0].Started = instant().Add(-deafAge), instant().Add(-aliveAge)
	s.deaf.OldestWait = listener.Rarely(9 * time.Second)
}

func TestStarting(t *testing.T) {
	starting := []listener.Reason{listener.Starting}
	seen := func(s *scene, age time.Duration) {
		s.deaf.ListenedAt = listener.Rarely(instant().Add(-age))
		s.deaf.Caller = listener.Rarely(listener.Caller{PID: deafPID})
	}
	for name, c := range map[string]struct {
		change func(*scene)
		want   []listener.Reason
	}{
		"younger than its sibling":       {func(s *scene) { aged(s, 30*time.Second, time.Minute) }, starting},
		"overtaken by a younger sibling": {func(s *scene) { aged(s, time.Minute, 30*time.Second) }, nil},
		"overtaken, but never served is no dead end": {func(s *scene) {
			aged(s, time.Minute, 30*time.Second)
			seen(s, time.Minute)
			s.deaf.CountedSince, s.deaf.Accepted = s.deaf.ListenedAt, listener.Counted(uint64(0))
			s.owner().Evidence.Registered = listener.Maybe[bool]{}
		}, starting},
		"past the grace": {func(s *scene) {
			aged(s, 30*time.Second, time.Minute)
			s.policy.Default.StartupGrace = 30 * time.Second
		}, nil},
		"its birth was seen, long ago": {func(s *scene) {
			aged(s, 30*time.Second, time.Minute)
			seen(s, time.Hour)
		}, nil},
		"its oldest client is older than the grace": {func(s *scene) {
			aged(s, 30*time.Second, time.Minute)
			s.deaf.OldestWait = listener.Rarely(time.Hour)
			s.owner().Started = instant().Add(-2 * time.Hour)
		}, nil},
		"a migration that was born under our eyes, and may be acted on": {func(s *scene) {
			aged(s, time.Minute, 30*time.Second)
			seen(s, time.Minute)
			s.live(func(l *listener.Life) { l.Waits[0].For, l.Waits[0].Thing = listener.ForData, listener.ThingConnection })
			s.allowServed()
			s.policy.Default.AllowWaiting = true
		}, starting},
		"the same, older than us": {func(s *scene) {
			aged(s, time.Minute, 30*time.Second)
			s.live(func(l *listener.Life) { l.Waits[0].For, l.Waits[0].Thing = listener.ForData, listener.ThingConnection })
			s.allowServed()
			s.policy.Default.AllowWaiting = true
		}, nil},
	} {
		t.Run(name, func(t *testing.T) { checkGate(t, c.change, c.want) })
	}
}
