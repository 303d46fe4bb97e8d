package listener

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClip(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []struct{ in, want []string }{
		{nil, []string{}}, {[]string{"haproxy", "-f", "a.cfg"}, []string{"haproxy", "-f", "a.cfg"}},
		{[]string{long, strings.Repeat("y", 24)}, []string{long, strings.Repeat("y", 24)}},
		{[]string{long, strings.Repeat("y", 25), "z"}, []string{long, strings.Repeat("y", 24) + "…"}},
		{[]string{long, strings.Repeat("é", 13)}, []string{long, strings.Repeat("é", 12) + "…"}},
		{[]string{long + "x", strings.Repeat("é", 13)}, []string{long + "x", strings.Repeat("é", 11) + "…"}},
	} {
		got := Clip(c.in)
		if !slices.Equal(got, c.want) || slices.ContainsFunc(got, func(s string) bool { return !utf8.ValidString(s) }) {
			t.Errorf("%.40q…: %d words, want %d: %.60q", c.in, len(got), len(c.want), got)
		}
	}
}
