package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// TestFindingsAreTold: an explanation, an event and the last line of a table say who
// it is, and nothing that a process calls itself reaches the terminal raw.
func TestFindingsAreTold(t *testing.T) {
	j := listenertest.Superseded()
	var explained, event, table bytes.Buffer
	if err := Explain(&explained, &wire.Explanation{Judgement: j, Watched: true}, ExplainDetail{Width: 200}); err != nil {
		t.Fatal(err)
	}
	found := wire.Event{Time: listenertest.Instant(), Kind: wire.Found, Listener: &j}
	if err := NewStream(&event).Write(found); err != nil {
		t.Fatal(err)
	}
	js := []listener.Judgement{j}
	if err := Table(&table, js, TableDetail{Wide: true, Of: js, Watched: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   string
		want []string
	}{
		{explained.String(), []string{
			"FINDINGS", "and 1 more is of an older generation than haproxy pid 27001", "about 49 % of new clients",
			"command line names the older one's pid", "started 3 h 0 min ago (its listen() was not seen)",
			"uid 104, listens for 1 min: haproxy -sf 26939", "/etc/a\\x1b",
			"differ in users (haproxy, ", "containers (none, 3f2a)",
			"it was root then and is now: it never dropped its privileges",
		}},
		{event.String(), []string{"finding", "10.39.1.68:80", "superseded: ", "mixed: "}},
		{table.String(), []string{"superseded,mixed", "`reusewatch explain 1a2b` says whose"}},
	} {
		words := strings.Join(strings.Fields(c.in), " ")
		for _, want := range c.want {
			if !strings.Contains(words, want) {
				t.Errorf("no %q in:\n%s", want, c.in)
			}
		}
		if !utf8.ValidString(c.in) || strings.ContainsAny(c.in, "\x1b\u202e") {
			t.Errorf("raw: %q", c.in)
		}
	}
}

// TestFindingsAreToldOnce: at each change, of a group that is mixed by one member,
// and beside whatever else is told.
func TestFindingsAreToldOnce(t *testing.T) {
	changes := NewChanges(listener.Filter{})
	first, second := listenertest.Superseded(), listenertest.Superseded()
	second.Listener = &listener.Listener{Sample: second.Sample}
	second.Cookie, second.Superseded = 0x1a2c, nil
	look := func() []wire.Kind {
		return kinds(changes.Update(listenertest.Instant(), []listener.Judgement{first, second}))
	}
	expect(t, "found", look(), wire.Found)
	expect(t, "still so", look())
	first.Mixed, second.Mixed = nil, nil
	expect(t, "no longer mixed", look(), wire.Found)
	first.Decision = &listener.Decision{
		Act: listener.Hold, Reason: listener.NoSiblingAccepted, Reasons: []listener.Reason{listener.NoSiblingAccepted},
	}
	expect(t, "to be acted on, and held", look(), wire.Held)
	expect(t, "held still", look())
	first.Decision = &listener.Decision{Act: listener.Kill}
	expect(t, "acted on: the act speaks for itself", look())
	first.Superseded, first.Decision = nil, nil
	expect(t, "found no more", look(), wire.Found)
}

func TestGenerationsLine(t *testing.T) {
	one := listenertest.Full()
	one.Generations = listener.Known(1)
	for want, c := range map[string]*Check{
		"NOTHING: ":   {Expected: 1},
		"OK: ":        {Expected: 1, AsExpected: true, Listeners: []listener.Judgement{one}},
		"UNSETTLED: ": {Expected: 1, Listeners: []listener.Judgement{one}},
		"GENERATIONS: 10.39.1.68:80 has 2 generations, not 1. ": {
			Expected: 1, Listeners: []listener.Judgement{one, listenertest.Superseded()},
		},
		"GENERATIONS: 10.39.1.68:80 has an unknown ": {
			Expected: 1, Listeners: []listener.Judgement{listenertest.Full()},
		},
	} {
		if got := CheckLine(c); !strings.HasPrefix(got, want) || c.Failed() == c.AsExpected {
			t.Errorf("%q, failed %t; want %q", got, c.Failed(), want)
		}
	}
}
