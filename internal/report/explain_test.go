package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

func TestExplain(t *testing.T) {
	var all bytes.Buffer
	for name, c := range map[string]struct {
		e *wire.Explanation
		d ExplainDetail
	}{
		"explain.txt":         {wiretest.Explained(), ExplainDetail{Clients: 2}},
		"explain-wide.txt":    {wiretest.Explained(), ExplainDetail{Wide: true, Clients: 4096}},
		"explain-unknown.txt": {wiretest.Unexplained(), ExplainDetail{Clients: 10}},
	} {
		var b bytes.Buffer
		if err := Explain(&b, c.e, c.d); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, b.Bytes())
		all.Write(b.Bytes())
	}
	for name, e := range map[string]*wire.Explanation{
		"explain.json": wiretest.Explained(), "explain-unknown.json": wiretest.Unexplained(),
	} {
		var b bytes.Buffer
		if err := wire.WriteExplanation(&b, e, 2, Tell(e)); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, b.Bytes())
		if !json.Valid(b.Bytes()) {
			t.Errorf("%s is not JSON", name)
		}
		all.Write(b.Bytes())
	}
	for _, r := range all.String() {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			t.Errorf("%q is printed raw", r)
		}
	}
}

// TestProbe: the mean number of trials until three failures in a row, known for
// a fair coin (14) and for certain failure (3).
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		share listener.Maybe[float64]
		size  int
		want  time.Duration
	}{
		{listener.Known(0.5), 7, 140 * time.Second},
		{listener.Maybe[float64]{}, 2, 140 * time.Second},
		{listener.Known(0.0), 2, 140 * time.Second}, // none came yet: no proof
		{listener.Maybe[float64]{}, 0, 30 * time.Second},
		{listener.Known(1.0), 2, 30 * time.Second},
		{listener.Known(0.1), 2, 1110 * 10 * time.Second},
	} {
		e := wiretest.Unexplained()
		e.Share, e.GroupSize = c.share.Rare(), int32(c.size)
		pr := (explanation{e}).probe()
		if got := pr.Expected; math.Abs(float64(got-c.want)) > 1e6 {
			t.Errorf("share %v of %d: %v, want %v", c.share, c.size, got, c.want)
		}
	}
	e := wiretest.Unexplained()
	e.Share = listener.Rarely(1e-9)
	if pr := (explanation{e}).probe(); pr.Expected <= 0 {
		t.Errorf("a tiny share: %v", pr.Expected)
	}
	e.Verdict = listener.Accepting
	if pr := (explanation{e}).probe(); pr != nil {
		t.Error("a probe has something to notice in a healthy listener")
	}
}

func TestGateAnswer(t *testing.T) {
	tooSoon := []listener.Reason{listener.NotArmed, listener.TooSoon}
	for _, c := range []struct {
		reasons []listener.Reason
		class   listener.Class
		want    string
	}{
		{[]listener.Reason{listener.NotArmed}, listener.Dead, "would kill pid 26939 now. Its class is dead: "},
		{tooSoon, listener.NeverServed,
			"would kill pid 26939 in 10 s, should no accept come before. Its class is never-served: "},
		{tooSoon, listener.ServedClass,
			"would kill pid 26939 in 2 min, should no accept come before. Its class is served: "},
		{[]listener.Reason{listener.NotArmed, listener.Frozen, listener.TooSoon}, listener.Dead, "would not act"},
		{[]listener.Reason{listener.NotArmed}, "eternal", "Its class is served: "},
	} {
		e := wiretest.Explained()
		e.Class = c.class
		e.Decision = &listener.Decision{Act: listener.Hold, Reason: c.reasons[0], Reasons: c.reasons}
		if got := (explanation{e}).answer(); !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.reasons, got, c.want)
		}
		e.Policy.Action = listener.Close
		if got := (explanation{e}).answer(); strings.Contains(got, "kill") {
			t.Errorf("%v, with --action close: %q", c.reasons, got)
		}
	}
}

// TestEveryReasonHasAMeaning: one that the gate gains must get one.
func TestEveryReasonHasAMeaning(t *testing.T) {
	e := wiretest.Explained()
	fallback := Meaning(e, "")
	seen := make(map[string]listener.Reason)
	for _, row := range listener.Reasons() {
		r := row.Reason
		m := Meaning(e, r)
		if m == "" || m == fallback || seen[m] != "" || strings.Contains(m, "{") {
			t.Errorf("%s means %q, as %q does", r, m, seen[m])
		}
		seen[m] = r
	}
}

// TestMeaningOfWaits names what the culprit waits for, and leaves out what nobody else
// could end.
func TestMeaningOfWaits(t *testing.T) {
	waits := func(all ...listener.For) listener.Maybe[listener.Life] {
		var life listener.Life
		for _, one := range all {
			life.Waits = append(life.Waits, listener.Wait{For: one})
		}
		return listener.Known(life)
	}
	for name, c := range map[string]struct {
		life listener.Maybe[listener.Life]
		want string
	}{
		"unknown":    {listener.Maybe[listener.Life]{}, "what it waits for is not known"},
		"a timer":    {waits(listener.ForFutex, listener.ForTimer, listener.ForTimer), "who may answer: a timer"},
		"futex only": {waits(listener.ForFutex), "a futex in its own memory"},
	} {
		e := wiretest.Explained()
		e.Owners[0].Evidence.Life = c.life
		got := Meaning(e, listener.Waits)
		if !strings.Contains(got, c.want) || name == "a timer" && !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestDecodedIsShownAlike: a person sees the same, whoever looked.
func TestDecodedIsShownAlike(t *testing.T) {
	here := time.Local
	time.Local = listenertest.Instant().Location()
	t.Cleanup(func() { time.Local = here })
	e := wiretest.Explained()
	var sent bytes.Buffer
	if err := wire.WriteExplanation(&sent, e, 100, Tell(e)); err != nil {
		t.Fatal(err)
	}
	back, err := wire.ReadExplanation(&sent)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	for to, e := range map[*bytes.Buffer]*wire.Explanation{&want: e, &got: back} {
		if err := Explain(to, e, ExplainDetail{Wide: true, Clients: 100}); err != nil {
			t.Fatal(err)
		}
	}
	// Bytes that are no text are replaced on the way, as JSON must, and lines break elsewhere.
	words := func(s string) string { return strings.Join(strings.Fields(s), "\n") }
	if diff := cmp.Diff(words(strings.ReplaceAll(want.String(), `\xff`, "\ufffd")), words(got.String())); diff != "" {
		t.Errorf("(-told at once +read):\n%s", diff)
	}
}
