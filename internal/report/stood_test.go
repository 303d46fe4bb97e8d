package report

import (
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

// TestStood: what an act still takes counts from when the process stood still as well.
func TestStood(t *testing.T) {
	reader := listener.Wait{For: listener.ForReader, Still: 3 * time.Second}
	var unknown listener.Maybe[listener.Life]
	known := listener.Known(listener.Life{})
	inert := func(seconds int, waits ...listener.Wait) listener.Maybe[listener.Life] {
		return listener.Known(listener.Life{Inert: listener.Known(time.Duration(seconds) * time.Second), Waits: waits})
	}
	const (
		head  = "the same client stood at the head for "
		still = "its process has stood still for "
	)
	for name, c := range map[string]struct {
		class listener.Class
		life  listener.Maybe[listener.Life]
		want  time.Duration
		says  string
	}{
		"of what is served the head":   {listener.ServedClass, known, 20 * time.Second, head + "20 s of the 2 min"},
		"nothing known of it":          {listener.Dead, unknown, 20 * time.Second, head + "20 s of the 30 s"},
		"inert for longer":             {listener.Dead, inert(60), 20 * time.Second, head + "20 s of the 30 s"},
		"woken since":                  {listener.NeverServed, inert(5), 5 * time.Second, still + "5 s of the 30 s"},
		"its pipe was read from since": {listener.Dead, inert(60, reader), 3 * time.Second, still + "3 s of the 30 s"},
	} {
		e := wiretest.Explained()
		e.Class, e.Owners[0].Evidence.Life = c.class, c.life
		e.Decision = &listener.Decision{
			Act: listener.Hold, Reason: listener.TooSoon, Reasons: []listener.Reason{listener.TooSoon},
		}
		if got := Stood(&e.Judgement); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := Meaning(e, listener.TooSoon); !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
		if want := "in " + text.Span(e.Policy.For(c.class)-c.want); !strings.Contains((explanation{e}).answer(), want) {
			t.Errorf("%s: %q, want %q", name, (explanation{e}).answer(), want)
		}
	}
}
