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
	for name, c := range map[string]struct {
		class listener.Class
		life  listener.Maybe[listener.Life]
		want  time.Duration
		says  string
	}{
		"of what is served the head":   {listener.ServedClass, listener.Known(listener.Life{}), 20 * time.Second, "the same client stood at the head for 20 s of the 2 min"},
		"nothing known of it":          {listener.Dead, listener.Maybe[listener.Life]{}, 20 * time.Second, "the same client stood at the head for 20 s of the 30 s"},
		"inert for longer":             {listener.Dead, listener.Known(listener.Life{Inert: listener.Known(time.Minute)}), 20 * time.Second, "the same client stood at the head for 20 s of the 30 s"},
		"woken since":                  {listener.NeverServed, listener.Known(listener.Life{Inert: listener.Known(5 * time.Second)}), 5 * time.Second, "its process has stood still for 5 s of the 30 s"},
		"its pipe was read from since": {listener.Dead, listener.Known(listener.Life{Inert: listener.Known(time.Minute), Waits: []listener.Wait{reader}}), 3 * time.Second, "its process has stood still for 3 s of the 30 s"},
	} {
		e := wiretest.Explained()
		e.Class, e.Owners[0].Evidence.Life = c.class, c.life
		e.Decision = &listener.Decision{Act: listener.Hold, Reason: listener.TooSoon, Reasons: []listener.Reason{listener.TooSoon}}
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
