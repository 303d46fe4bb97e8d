package wire_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

// clean fails if a terminal would do anything with a text but show its lines.
func clean(t *testing.T, of []byte, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%q is shown as %q", of, text)
			return
		}
	}
}

func written(t testing.TB, f *wire.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := wire.WriteFrame(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// leaf is a text or a number of what was sent.
type leaf struct {
	key    string
	number bool
	put    func(any)
}

// leaves gives them in an order that does not change.
func leaves(of any, key string, put func(any)) (all []leaf) {
	switch v := of.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, leaves(v[k], k, func(other any) { v[k] = other })...)
		}
	case []any:
		for i := range v {
			all = append(all, leaves(v[i], key, func(other any) { v[i] = other })...)
		}
	case string:
		all = append(all, leaf{key, false, put})
	case float64:
		all = append(all, leaf{key, true, put})
	}
	return all
}

// planted gives what was sent as change leaves it.
func planted(t testing.TB, sent []byte, change func(texts, numbers []leaf)) []byte {
	t.Helper()
	var all any
	if err := json.Unmarshal(sent, &all); err != nil {
		t.Fatal(err)
	}
	texts := leaves(all, "", nil)
	numbers := slices.DeleteFunc(slices.Clone(texts), func(l leaf) bool { return !l.number })
	texts = slices.DeleteFunc(texts, func(l leaf) bool { return l.number })
	change(texts, numbers)
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// oneOf plants one text and one number: what comes as a word may hold anything.
func oneOf(which uint16, text string, number int64) func(texts, numbers []leaf) {
	return func(texts, numbers []leaf) {
		texts[int(which)%len(texts)].put(text)
		numbers[int(which)%len(numbers)].put(number)
	}
}

// FuzzFrame: whatever is sent is refused or a frame; a frame that was read is written and
// read again as it is, and is shown without touching the terminal.
func FuzzFrame(f *testing.F) {
	changed := wiretest.Frame(listenertest.Full())
	changed.Complete, changed.Gone = false, []listener.Cookie{7, 0xff}
	for _, seed := range []*wire.Frame{
		wiretest.Frame(listenertest.Full(), listenertest.Bare(), listenertest.Unowned()),
		wiretest.Frame(listenertest.Superseded()), changed, wiretest.Frame(),
	} {
		f.Add(written(f, seed), uint16(0), "\x1b[31m", int64(-1))
		f.Add(written(f, seed), uint16(15), "\x1b[31m", int64(-1))
	}
	for _, seed := range []string{
		`{"schema":"reusewatch/v1","listeners":[` +
			`{"cookie":"1","local":"[fe80::1%eth0]:80","verdict":"stuck","owners":[{"pid":1}]}]}`,
		`{"schema":"reusewatch/v1","time":"9999-12-31T23:59:59-01:00","interval_seconds":1e300,"listeners":[]}`,
		`{"schema":"reusewatch/v2"}`, `{"schema":"reusewatch/v1","gone":["-"]}`, `<html>`, `[[[[`, ``,
	} {
		f.Add([]byte(seed), uint16(24), "[fe80::1%\x1b]:80", int64(1<<40))
	}
	known := written(f, wiretest.Frame(listenertest.Full(), listenertest.Bare(), listenertest.Superseded()))
	f.Fuzz(func(t *testing.T, b []byte, which uint16, text string, number int64) {
		if which%2 == 0 { // not both at once: that takes long
			readFrame(t, b)
		} else {
			readFrame(t, planted(t, known, oneOf(which/2, text, number)))
		}
	})
}

func readFrame(t *testing.T, b []byte) {
	t.Helper()
	got, err := wire.NewFrameReader(bytes.NewReader(b)).Next()
	if err != nil {
		if got != nil {
			t.Errorf("%q is read as %+v, and %v", b, got, err)
		}
		return
	}
	sent := written(t, got)
	again, err := wire.NewFrameReader(bytes.NewReader(sent)).Next()
	if err != nil {
		t.Fatalf("%s is not read again: %v", sent, err)
	}
	if same := written(t, again); !bytes.Equal(same, sent) {
		t.Errorf("%s is written again as %s", sent, same)
	}
	var table strings.Builder
	detail := report.TableDetail{Wide: true, Of: got.Listeners, Watched: got.Watched}
	if err := report.Table(&table, got.Listeners, detail); err != nil {
		t.Error(err)
	}
	clean(t, b, table.String())
}

func asJSON(t testing.TB, e *wire.Explanation) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := wire.WriteExplanation(&b, e, 100, report.Tell(e)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzExplanation: the same of an explanation.
func FuzzExplanation(f *testing.F) {
	known := asJSON(f, wiretest.Explained())
	f.Add(known, uint16(4), "\x1b[31m", int64(-1))
	f.Add(asJSON(f, &wire.Explanation{Judgement: listenertest.Bare()}), uint16(71), "[fe80::1%\x1b]:80", int64(1<<40))
	const fewer = `{"schema":"reusewatch/v1",` +
		`"listener":{"cookie":"1","local":"1.2.3.4:5","verdict":"stuck","decision":{"act":"hold"}},"clients_total":-1}`
	f.Add([]byte(fewer), uint16(0), "", int64(0))
	f.Add([]byte(`{}`), uint16(100), "x", int64(1)<<62)
	found := asJSON(f, &wire.Explanation{Judgement: listenertest.Superseded()})
	f.Fuzz(func(t *testing.T, b []byte, which uint16, text string, number int64) {
		switch which % 4 {
		case 0, 1:
			readExplanation(t, b)
		case 2:
			readExplanation(t, planted(t, known, oneOf(which/4, text, number)))
		case 3:
			readExplanation(t, planted(t, found, oneOf(which/4, text, number)))
		}
	})
}

func readExplanation(t *testing.T, b []byte) {
	t.Helper()
	got, err := wire.ReadExplanation(bytes.NewReader(b))
	if err != nil {
		if got != nil {
			t.Errorf("%q is read as %+v, and %v", b, got, err)
		}
		return
	}
	sent := asJSON(t, got)
	again, err := wire.ReadExplanation(bytes.NewReader(sent))
	if err != nil {
		t.Fatalf("%s is not read again: %v", sent, err)
	}
	if same := asJSON(t, again); !bytes.Equal(same, sent) {
		t.Errorf("%s is written again as %s", sent, same)
	}
	var page strings.Builder
	if err := report.Explain(&page, got, report.ExplainDetail{Wide: true, Clients: 100}); err != nil {
		t.Error(err)
	}
	clean(t, b, page.String())
}

// TestNothingReachesTheTerminal: an escape that a daemon sends in the place of any word is
// shown as text, and so is one in a word that only some verdicts show.
func TestNothingReachesTheTerminal(t *testing.T) {
	parsed := []string{
		"schema", "time", "cookie", "local", "remote", "listeners", "gone", "since", "started",
		"counted_since", "last_accept", "listened_at", "first_seen",
	}
	ofFrame := func(b []byte) error { _, err := wire.NewFrameReader(bytes.NewReader(b)).Next(); return err }
	ofExplanation := func(b []byte) error { _, err := wire.ReadExplanation(bytes.NewReader(b)); return err }
	for name, c := range map[string]struct {
		sent    []byte
		refused func([]byte) error
		read    func(*testing.T, []byte)
	}{
		"frame":       {written(t, wiretest.Frame(listenertest.Full(), listenertest.Superseded())), ofFrame, readFrame},
		"explanation": {asJSON(t, wiretest.Explained()), ofExplanation, readExplanation},
		"findings":    {asJSON(t, &wire.Explanation{Judgement: listenertest.Superseded()}), ofExplanation, readExplanation},
	} {
		for _, but := range []string{"", "verdict", "cause", "act", "kind"} {
			sent := planted(t, c.sent, func(texts, _ []leaf) {
				for _, l := range texts {
					if !slices.Contains(parsed, l.key) && l.key != but {
						l.put("\x1b[31m")
					}
				}
			})
			t.Run(name+" but "+but, func(t *testing.T) {
				if err := c.refused(sent); err != nil {
					t.Fatalf("nothing is shown: %v", err)
				}
				c.read(t, sent)
			})
		}
	}
}
