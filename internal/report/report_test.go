package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/listener/listenertest"
	"github.com/reusewatch/reusewatch/internal/wire"
	"github.com/reusewatch/reusewatch/internal/wire/wiretest"
)

func TestTable(t *testing.T) {
	js := []listener.Judgement{listenertest.Full(), listenertest.Bare(), listenertest.Unowned()}
	for name, wide := range map[string]bool{"table.txt": false, "wide.txt": true} {
		var b bytes.Buffer
		if err := Table(&b, js, TableDetail{Wide: wide, Of: js, Watched: true}); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, b.Bytes())
	}
}

func TestStream(t *testing.T) {
	var b bytes.Buffer
	s := NewStream(&b)
	for _, e := range wiretest.Events() {
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	golden.Compare(t, "events.txt", b.Bytes())
}

// TestNothingRawReachesATerminal: one line an event or listener, no control characters.
func TestNothingRawReachesATerminal(t *testing.T) {
	var b bytes.Buffer
	js := []listener.Judgement{listenertest.Full()}
	if err := Table(&b, js, TableDetail{Wide: true, Of: js}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 3 {
		t.Errorf("%d lines for a title, a listener and a sum", n)
	}
	if err := wire.WriteIndented(&b, wiretest.Frame(js...)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []wire.Stream{NewStream(&b), wire.NewStream(&b)} {
		for _, e := range wiretest.Events() {
			if err := s.Write(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range b.String() {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			t.Errorf("%q is printed raw", r)
		}
	}
}
