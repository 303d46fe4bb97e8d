package report

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/reusewatch/reusewatch/internal/listener"
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

func wire(t testing.TB, f *Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteFrame(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// planted gives what was sent with another text in the place of one of its texts, and
// another number in that of one of its numbers. What comes as a word may hold anything.
func planted(t testing.TB, sent []byte, which uint16, text string, number int64) []byte {
	t.Helper()
	var all any
	if err := json.Unmarshal(sent, &all); err != nil {
		t.Fatal(err)
	}
	var texts, numbers []func()
	var walk func(v any, put func(any))
	walk = func(v any, put func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k], func(other any) { v[k] = other })
			}
		case []any:
			for i := range v {
				walk(v[i], func(other any) { v[i] = other })
			}
		case string:
			texts = append(texts, func() { put(text) })
		case float64:
			numbers = append(numbers, func() { put(number) })
		}
	}
	walk(all, nil)
	texts[int(which)%len(texts)]()
	numbers[int(which)%len(numbers)]()
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzFrame: whatever is sent is refused or a frame; a frame that was read is written and
// read again as it is, and is shown without touching the terminal.
func FuzzFrame(f *testing.F) {
	changed := frame(full())
	changed.Complete, changed.Gone = false, []listener.Cookie{7, 0xff}
	for _, seed := range []*Frame{frame(full(), bare(), unowned()), frame(superseded()), changed, frame()} {
		f.Add(wire(f, seed), uint16(0), "\x1b[31m", int64(-1))
		f.Add(wire(f, seed), uint16(15), "\x1b[31m", int64(-1))
	}
	for _, seed := range []string{
		`{"schema":"reusewatch/v1","listeners":[{"cookie":"1","local":"[fe80::1%eth0]:80","verdict":"stuck","owners":[{"pid":1}]}]}`,
		`{"schema":"reusewatch/v1","time":"9999-12-31T23:59:59-01:00","interval_seconds":1e300,"listeners":[]}`,
		`{"schema":"reusewatch/v2"}`, `{"schema":"reusewatch/v1","gone":["-"]}`, `<html>`, `[[[[`, ``,
	} {
		f.Add([]byte(seed), uint16(24), "[fe80::1%\x1b]:80", int64(1<<40))
	}
	known := wire(f, frame(full(), bare(), superseded()))
	f.Fuzz(func(t *testing.T, b []byte, which uint16, text string, number int64) {
		if which%2 == 0 { // not both at once: that takes long
			readFrame(t, b)
		} else {
			readFrame(t, planted(t, known, which/2, text, number))
		}
	})
}

func readFrame(t *testing.T, b []byte) {
	t.Helper()
	got, err := NewFrameReader(bytes.NewReader(b)).Next()
	if err != nil {
		if got != nil {
			t.Errorf("%q is read as %+v, and %v", b, got, err)
		}
		return
	}
	written := wire(t, got)
	again, err := NewFrameReader(bytes.NewReader(written)).Next()
	if err != nil {
		t.Fatalf("%s is not read again: %v", written, err)
	}
	if same := wire(t, again); !bytes.Equal(same, written) {
		t.Errorf("%s is written again as %s", written, same)
	}
	var table strings.Builder
	if err := Table(&table, got.Listeners, TableDetail{Wide: true, Of: got.Listeners, Watched: got.Watched}); err != nil {
		t.Error(err)
	}
	clean(t, b, table.String())
}

func asJSON(t testing.TB, e *Explanation) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := ExplainJSON(&b, e, ExplainDetail{Clients: 100}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzExplanation: the same of an explanation.
func FuzzExplanation(f *testing.F) {
	known := asJSON(f, explained())
	f.Add(known, uint16(4), "\x1b[31m", int64(-1))
	f.Add(asJSON(f, &Explanation{Judgement: bare()}), uint16(71), "[fe80::1%\x1b]:80", int64(1<<40))
	f.Add([]byte(`{"schema":"reusewatch/v1","listener":{"cookie":"1","local":"1.2.3.4:5","verdict":"stuck","decision":{"act":"hold"}},"clients_total":-1}`), uint16(0), "", int64(0))
	f.Add([]byte(`{}`), uint16(100), "x", int64(1)<<62)
	found := asJSON(f, &Explanation{Judgement: superseded()})
	f.Fuzz(func(t *testing.T, b []byte, which uint16, text string, number int64) {
		switch which % 4 {
		case 0, 1:
			readExplanation(t, b)
		case 2:
			readExplanation(t, planted(t, known, which/4, text, number))
		case 3:
			readExplanation(t, planted(t, found, which/4, text, number))
		}
	})
}

func readExplanation(t *testing.T, b []byte) {
	t.Helper()
	got, err := ReadExplanation(bytes.NewReader(b))
	if err != nil {
		if got != nil {
			t.Errorf("%q is read as %+v, and %v", b, got, err)
		}
		return
	}
	written := asJSON(t, got)
	again, err := ReadExplanation(bytes.NewReader(written))
	if err != nil {
		t.Fatalf("%s is not read again: %v", written, err)
	}
	if same := asJSON(t, again); !bytes.Equal(same, written) {
		t.Errorf("%s is written again as %s", written, same)
	}
	var page strings.Builder
	if err := Explain(&page, got, ExplainDetail{Wide: true, Clients: 100}); err != nil {
		t.Error(err)
	}
	clean(t, b, page.String())
}

// TestNothingReachesTheTerminal: whichever of its texts a daemon fills with an escape, it is
// refused or shown as text, and nothing else of what was sent is lost by that.
func TestNothingReachesTheTerminal(t *testing.T) {
	sent, told, found := wire(t, frame(full(), superseded())), asJSON(t, explained()), asJSON(t, &Explanation{Judgement: superseded()})
	for which := range uint16(300) { // as many as there are, about
		readFrame(t, planted(t, sent, which, "\x1b[31m", -1))
		readExplanation(t, planted(t, told, which, "\x1b[31m", 1<<40))
		readExplanation(t, planted(t, found, which, "[::1%\x1b]:80", -1<<62))
	}
}

// endless is a reader whose value never ends; it counts what is taken from it.
type endless struct {
	head  string
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = ' '
	}
	e.taken += len(p)
	return len(p), nil
}

// TestEndlessFrame: a daemon that never comes to an end is not read for ever.
func TestEndlessFrame(t *testing.T) {
	for name, read := range map[string]func(io.Reader) error{
		"frame":       func(r io.Reader) error { _, err := NewFrameReader(r).Next(); return err },
		"explanation": func(r io.Reader) error { _, err := ReadExplanation(r); return err },
	} {
		from := &endless{head: `{"schema":"reusewatch/v1",`}
		if err := read(from); err == nil || !strings.Contains(err.Error(), "larger than") || from.taken > maxFrame+(1<<20) {
			t.Errorf("%s: %v after %d bytes", name, err, from.taken)
		}
	}
}
