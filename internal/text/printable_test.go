package text

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/unicode/bidi"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"haproxy":                        "haproxy",
		`C:\path\x41`:                    `C:\path\x41`,
		"naïve 日本 👩 ｈａ Ωж":               "naïve 日本 👩 ｈａ Ωж",
		"\U0001f469\u200d\U0001f4bb":     `👩\u200d💻`,
		"\U0001f1e9\U0001f44d\U0001f3fd": `\U0001f1e9👍\U0001f3fd`,
		"e\u0301 \u0e33 \u1112\u1161":    `e\u0301 \u0e33 \u1112\u1161`,
		"אב عر \U0001e900":               `\u05d0\u05d1 \u0639\u0631 \U0001e900`,
		"\ue000 \u0378 \U000f0000":       `\ue000 \u0378 \U000f0000`,
		"a\nb\tc\x00":                    `a\x0ab\x09c\x00`,
		"\x1b[31mred\x7f":                `\x1b[31mred\x7f`,
		"\u0085\u009b31m":                `\u0085\u009b31m`,
		"\xff\x9b ok":                    `\xff\x9b ok`,
		"cut \xe6\x97":                   `cut \xe6\x97`,
		"surrogate \xed\xa0\x80":         `surrogate \xed\xa0\x80`,
		"\ufffd stays":                   "\ufffd stays",
		"gpj.\u202eexe\u202c":            `gpj.\u202eexe\u202c`,
		"\u202a\u202b\u202d\u2066\u2067\u2068\u2069": `\u202a\u202b\u202d\u2066\u2067\u2068\u2069`,
		"\u200e\u200f\u061c":                         `\u200e\u200f\u061c`,
		"\u2028\u2029":                               `\u2028\u2029`,
		"\u2027\u202f\u2065\u206a\u00a0\u3164\u200d": `‧\u202f\u2065\u206a\u00a0\u3164\u200d`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPrintableASCII(t *testing.T) {
	if got, want := PrintableASCII("a\tb漢é\xff😀"), `a\x09b\u6f22\u00e9\xff\U0001f600`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWidth asks of every rune that stays that whoever measures text as a terminal
// does, rune by rune or character by character, finds the same, whatever is beside it.
func TestWidth(t *testing.T) {
	for r := range rune(unicode.MaxRune) {
		s := string(r)
		if Printable(s) != s {
			continue
		}
		beside := "a" + s + "漢" + s + s + "👩" + s
		w := Width(s)
		all := 5 + 4*w
		if w < 1 || w > 2 || Width(beside) != all || ansi.StringWidth(beside) != all || ansi.StringWidthWc(beside) != all {
			t.Errorf("%U is %d wide alone, %d beside others", r, w, Width(beside)-5)
		}
		if p, _ := bidi.LookupRune(r); p.Class() == bidi.R || p.Class() == bidi.AL || p.Class() == bidi.AN {
			t.Errorf("%U runs from right to left", r)
		}
	}
}

// FuzzPrintable: no control character is left, nor what a terminal would show elsewhere.
func FuzzPrintable(f *testing.F) {
	f.Add("a\n\x1b\u202e\xff日\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		for _, r := range got {
			if unicode.IsControl(r) || !unicode.IsPrint(r) {
				t.Errorf("Printable(%q) = %q has %U", s, got, r)
			}
		}
		if len(got) > 4*len(s) { // \xNN of a byte
			t.Errorf("Printable(%q) takes %d bytes", s, len(got))
		}
		if Printable(got) != got || !utf8.ValidString(got) || Width(got) < len([]rune(got)) {
			t.Errorf("Printable(%q) = %q is not clean", s, got)
		}
		if got := PrintableASCII(s); PrintableASCII(got) != got || Width(got) != len(got) {
			t.Errorf("PrintableASCII(%q) = %q is not clean", s, got)
		}
	})
}
