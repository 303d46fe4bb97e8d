package demo

import (
	"encoding/json"
	"strings"
	"testing"
)

// What reusewatch run wrote, fields that the demo does not read left out.
const (
	readyLine = `{"schema":"reusewatch/v1","time":"2026-11-22T11:10:46.177Z","event":"ready",` +
		`"tier":"tracepoints","listeners_watched":6005}`
	suspectLine = `{"schema":"reusewatch/v1","time":"2026-11-22T11:10:46.079Z","event":"suspect",` +
		`"listener":{"cookie":"28c6","local":"127.0.0.1:8080","queue":108,"oldest_wait_seconds":3.408,"queued":null,` +
		`"verdict":"suspect","cause":null,"decision":null,` +
		`"owners":[{"pid":17246,"comm":"demo-old","culprit":false}]}}`
	stuckLine = `{"time":"2026-11-22T11:10:49.183Z","event":"stuck",` +
		`"listener":{"local":"127.0.0.1:8080","queue":192,"oldest_wait_seconds":6.52,"cause":"frozen",` +
		`"decision":{"act":"hold","reason":"too-soon","reasons":["too-soon"]},` +
		`"owners":[{"pid":3,"comm":"x","culprit":false},{"pid":17246,"comm":"demo-old","culprit":true}]}}`
	heldLine = `{"time":"2026-11-22T11:10:49.183Z","event":"held",` +
		`"listener":{"local":"127.0.0.1:8080","queue":192,"oldest_wait_seconds":6.52,"cause":"frozen",` +
		`"decision":{"act":"hold","reason":"starting","reasons":["starting","too-soon"]},"owners":[]}}`
	tooSoonLine = `{"time":"2026-11-22T11:10:49.183Z","event":"held",` +
		`"listener":{"local":"127.0.0.1:8080","queue":192,"oldest_wait_seconds":null,` +
		`"decision":{"act":"hold","reason":"too-soon","reasons":["too-soon"]},"owners":null}}`
	actingLine = `{"time":"2026-11-22T11:10:51.2Z","event":"acting",` +
		`"listener":{"local":"127.0.0.1:8080","queue":250,` +
		`"owners":[{"pid":17246,"comm":"demo-old","culprit":true}]},` +
		`"act_id":"a","action":"kill","pid":17246,"method":"sigterm","listeners":["28c6"],` +
		`"rescued":null,"stale":null,"took_ms":null,"error":null}`
	actedLine = `{"time":"2026-11-22T11:10:51.3Z","event":"acted",` +
		`"listener":{"local":"127.0.0.1:8080","owners":[]},` +
		`"act_id":"a","action":"kill","pid":17246,"method":"sigterm","listeners":["28c6"],` +
		`"rescued":12,"took_ms":34,"error":null}`
	failedLine = `{"time":"2026-11-22T11:10:51.3Z","event":"act_failed",` +
		`"listener":{"local":"127.0.0.1:8080","owners":[]},` +
		`"pid":17246,"method":"sigkill","error":"process 17246 survived SIGKILL"}`
)

func parse(t *testing.T, line string) *event {
	t.Helper()
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

func storyOf(t *testing.T, oldPID int, lines ...string) *story {
	t.Helper()
	s := &story{oldPID: oldPID}
	for _, line := range lines {
		s.take(parse(t, line))
	}
	return s
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"ready", readyLine, "watching the accept queues in the kernel (tier: tracepoints)"},
		{"suspect", suspectLine, "pid 17246 (demo-old): 108 connections wait for its accept(), the oldest for 3.4 s"},
		{"stuck", stuckLine, "pid 17246 (demo-old) accepts nobody: " +
			"for 3s the same client has stood at the head of its queue. " +
			"Cause: frozen, its cgroup is frozen. 192 connections wait for its accept(), the oldest for 6.5 s"},
		{"held", heldLine, "does nothing: starting, too-soon"},
		{"held, too soon", tooSoonLine, "too soon to act: the same must last for 5s (--act-after)"},
		{"acting", actingLine, "the same client still waits, a sibling accepts, the process does nothing: " +
			"SIGTERM to pid 17246, and to no other"},
		{"acted", actedLine, "pid 17246 is gone after 34 ms, and its listener has left the group; " +
			"12 waiting clients moved to its sibling"},
		{"act_failed", failedLine, "pid 17246: process 17246 survived SIGKILL"},
		{"closed adds nothing", strings.Replace(stuckLine, "stuck", "closed", 1), ""},
		{"an event of a later version", strings.Replace(stuckLine, "stuck", "budget", 1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&story{}).take(parse(t, tt.line)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// goodStory is one in which all came true.
func goodStory(t *testing.T) *story {
	s := storyOf(t, 17246, readyLine, suspectLine, stuckLine, tooSoonLine, actingLine, actedLine)
	s.newPID = 5
	s.before = counts{became: map[outcome]int{answered: 95, hung: 105}}
	s.after = counts{became: map[outcome]int{answered: 200}, by: map[int]int{5: 200}}
	s.oldEnd = "the old server ended: exit status 70: reusewatch: the worker ended: signal: terminated"
	return s
}

func TestStoryCameTrue(t *testing.T) {
	if s := goodStory(t); s.check() != nil || !s.ready {
		t.Errorf("%v, ready %v", s.check(), s.ready)
	}
}

func TestStoryFlaws(t *testing.T) {
	for _, tt := range []struct {
		name string
		mar  func(*story)
		want string
	}{
		{"nothing hung before", func(s *story) { s.before.became[hung] = 0 },
			"before the act 95 requests were answered and 0 hung: both were to be seen"},
		{"another one stuck", func(s *story) { s.stuck = storyOf(t, 3, stuckLine).stuck },
			"reusewatch did not call pid 17246 stuck"},
		{"another one acted on, too", func(s *story) { s.take(parse(t, strings.ReplaceAll(actingLine, "17246", "5"))) },
			"reusewatch was to end pid 17246 alone, and set out to end [17246 5]"},
		{"no proof", func(s *story) { s.acted = false }, "reusewatch did not prove its act"},
		{"the act failed", func(s *story) { s.take(parse(t, failedLine)) }, "the act failed: process 17246 survived SIGKILL"},
		{"it lives", func(s *story) { s.oldEnd = "" }, "the old server was not ended by a signal"},
		{"it ended by itself", func(s *story) { s.oldEnd = "the old server ended: the worker ended: exit status 1" },
			"the old server was not ended by a signal"},
		{"one hung after", func(s *story) { s.after.became[answered], s.after.became[hung], s.after.by[5] = 199, 1, 199 },
			"after the act pid 5 was to answer all of 200 requests: it answered 199, 1 hung, 0 were reset, 0 failed"},
		{"somebody else answered", func(s *story) { s.after.by = map[int]int{5: 199, 6: 1} },
			"after the act pid 5 was to answer all of 200 requests: it answered 199, 0 hung, 0 were reset, 0 failed"},
		{"nobody asked after", func(s *story) { s.after = counts{} },
			"after the act pid 5 was to answer all of 0 requests: it answered 0, 0 hung, 0 were reset, 0 failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := goodStory(t)
			tt.mar(s)
			if err := s.check(); err == nil || err.Error() != "the demo did not come true: "+tt.want {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
		})
	}
}
