package demo

import (
	"strings"
	"testing"
)

// What reusewatch run wrote, fields that the demo does not read left out.
const (
	readyLine   = `{"schema":"reusewatch/v1","time":"2026-11-22T11:10:46.177Z","event":"ready","tier":"tracepoints","listeners_watched":6005}`
	suspectLine = `{"schema":"reusewatch/v1","time":"2026-11-22T11:10:46.079Z","event":"suspect","listener":{"cookie":"28c6","local":"127.0.0.1:8080","queue":108,"oldest_wait_seconds":3.408,"queued":null,"verdict":"suspect","cause":null,"decision":null,"owners":[{"pid":17246,"comm":"demo-old","culprit":false}]}}`
	stuckLine   = `{"time":"2026-11-22T11:10:49.183Z","event":"stuck","listener":{"local":"127.0.0.1:8080","queue":192,"oldest_wait_seconds":6.52,"cause":"never-polled","decision":{"act":"hold","reason":"too-soon","reasons":["too-soon"]},"owners":[{"pid":17246,"comm":"demo-old","culprit":true},{"pid":3,"comm":"x","culprit":false}]}}`
	heldLine    = `{"time":"2026-11-22T11:10:49.183Z","event":"held","listener":{"local":"127.0.0.1:8080","queue":192,"oldest_wait_seconds":6.52,"cause":"never-polled","decision":{"act":"hold","reason":"starting","reasons":["starting","too-soon"]},"owners":[]}}`
	tooSoonLine = `{"time":"2026-11-22T11:10:49.183Z","event":"held","listener":{"local":"127.0.0.1:8080","queue":192,"oldest_wait_seconds":null,"decision":{"act":"hold","reason":"too-soon","reasons":["too-soon"]},"owners":null}}`
	actingLine  = `{"time":"2026-11-22T11:10:51.2Z","event":"acting","listener":{"local":"127.0.0.1:8080","queue":250,"owners":[{"pid":17246,"comm":"demo-old","culprit":true}]},"act_id":"a","action":"kill","pid":17246,"method":"sigterm","listeners":["28c6"],"rescued":null,"stale":null,"took_ms":null,"error":null}`
	actedLine   = `{"time":"2026-11-22T11:10:51.3Z","event":"acted","listener":{"local":"127.0.0.1:8080","queue":250,"owners":[{"pid":17246,"comm":"demo-old","culprit":true}]},"act_id":"a","action":"kill","pid":17246,"method":"sigterm","listeners":["28c6"],"rescued":null,"took_ms":34,"error":null}`
	rescuedLine = `{"time":"2026-11-22T11:10:51.3Z","event":"acted","listener":{"local":"127.0.0.1:8080","owners":[]},"pid":17246,"method":"sigkill","rescued":12,"took_ms":2034}`
	failedLine  = `{"time":"2026-11-22T11:10:51.3Z","event":"act_failed","listener":{"local":"127.0.0.1:8080","owners":[]},"pid":17246,"method":"sigkill","error":"process 17246 survived SIGKILL"}`
)

func parse(t *testing.T, line string) *event {
	t.Helper()
	e, err := readEvent([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestTell(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"ready", readyLine, "watching the accept queues in the kernel (tier: tracepoints)"},
		{"suspect", suspectLine, "pid 17246 (demo-old): 108 connections wait for its accept(), the oldest for 3.4 s"},
		{"stuck", stuckLine, "pid 17246 (demo-old) accepts nobody: for 3 s the same client has stood at the head of its queue. " +
			"Cause: never-polled, no thread of it waits for connections. 192 connections wait for its accept(), the oldest for 6.5 s"},
		{"held", heldLine, "does nothing: starting, too-soon"},
		{"held, too soon", tooSoonLine, "too soon to act: the same must last for 5 s (--act-after)"},
		{"acting", actingLine, "the same client still waits, a sibling accepts, the process does nothing: SIGTERM to pid 17246, and to no other"},
		{"acted", actedLine, "pid 17246 is gone after 34 ms, and its listener has left the group"},
		{"acted, rescued", rescuedLine, "pid 17246 is gone after 2034 ms, and its listener has left the group; 12 waiting clients moved to its sibling"},
		{"act_failed", failedLine, "pid 17246: process 17246 survived SIGKILL"},
		{"closed adds nothing", strings.Replace(stuckLine, "stuck", "closed", 1), ""},
		{"an event of a later version", strings.Replace(stuckLine, "stuck", "budget", 1), ""},
		{"no listener", `{"event":"stuck"}`, ""},
		{"a cause of a later version", strings.Replace(stuckLine, "never-polled", "novel", 1),
			"pid 17246 (demo-old) accepts nobody: for 3 s the same client has stood at the head of its queue. " +
				"Cause: novel. 192 connections wait for its accept(), the oldest for 6.5 s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tell(parse(t, tt.line)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// What a process calls itself must not reach the terminal raw.
func TestTellPrintable(t *testing.T) {
	line := strings.Replace(suspectLine, "demo-old", `a\u001b[31mb`, 1)
	if got := tell(parse(t, line)); !strings.Contains(got, `pid 17246 (a\x1b[31mb)`) {
		t.Errorf("got %q", got)
	}
}

func TestReadEventRefuses(t *testing.T) {
	if _, err := readEvent([]byte("panic: oh")); err == nil {
		t.Error("took what is no JSON")
	}
}
