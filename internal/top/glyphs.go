package top

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/reusewatch/reusewatch/internal/text"
)

// glyphs are the characters that draw.
type glyphs struct {
	ascii    bool
	ellipsis string
	branch   string // before a member
	last     string // before the last one
	rule     string
	bar      []string // from one part of a place to all of it
	rest     string   // of a bar
	spark    []string // from nothing to the most
	dot      string   // between words
	arrows   string
	enter    string
	caret    string
	border   lipgloss.Border
}

func unicodeGlyphs() glyphs {
	return glyphs{
		ellipsis: "…", branch: "├ ", last: "└ ", rule: "─",
		bar: []string{"▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}, rest: "·",
		spark: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
		dot:   "·", arrows: "↑↓", enter: "⏎", caret: "▏", border: lipgloss.RoundedBorder(),
	}
}

func asciiGlyphs() glyphs {
	return glyphs{
		ascii: true, ellipsis: "~", branch: "|-", last: "`-", rule: "-",
		bar: []string{"#"}, rest: ".",
		spark: []string{"_", ".", ":", "-", "=", "+", "*", "#"},
		dot:   "-", arrows: "j/k", enter: "enter", caret: "_", border: lipgloss.ASCIIBorder(),
	}
}

// glyphsFor reads the locale as the C library does.
func glyphsFor(env []string) glyphs {
	term := lookup(env, "TERM")
	if term == "linux" || term == "dumb" {
		return asciiGlyphs()
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(lookup(env, name)); v != "" {
			if strings.Contains(v, "utf-8") || strings.Contains(v, "utf8") {
				return unicodeGlyphs()
			}
			return asciiGlyphs()
		}
	}
	return asciiGlyphs()
}

// lookup gives the last value of a variable, "" for none.
func lookup(env []string, name string) string {
	value := ""
	for _, kv := range env {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			value = v
		}
	}
	return value
}

// text makes what a process or a file calls itself fit to be shown.
func (g *glyphs) text(s string) string {
	if g.ascii {
		return text.PrintableASCII(s)
	}
	return text.Printable(s)
}

// words are our own text, which may hold an ellipsis.
func (g *glyphs) words(s string) string {
	if g.ascii {
		s = strings.ReplaceAll(s, "…", "...")
	}
	return g.text(s)
}

// gauge draws value of limit in width places: anything at all shows.
func (g *glyphs) gauge(value, limit uint64, width int) (full, rest string) {
	if width <= 0 {
		return "", ""
	}
	parts := len(g.bar)
	n := 0
	if value > 0 {
		n = width * parts
		if limit > value {
			n = max(1, int(float64(n)*float64(value)/float64(limit)))
		}
	}
	full = strings.Repeat(g.bar[parts-1], n/parts)
	used := n / parts
	if n%parts > 0 {
		full += g.bar[n%parts-1]
		used++
	}
	return full, strings.Repeat(g.rest, width-used)
}

// sparkline draws values, the last on the right, each relative to the most; a
// negative one is not known.
func (g *glyphs) sparkline(values []int, width int) string {
	most := 0
	for _, v := range values {
		most = max(most, v)
	}
	values = values[max(0, len(values)-width):]
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(values)))
	steps := len(g.spark) - 1
	for _, v := range values {
		switch {
		case v < 0:
			b.WriteByte(' ')
		case v == 0:
			b.WriteString(g.spark[0])
		default:
			b.WriteString(g.spark[max(1, (v*steps+most/2)/most)])
		}
	}
	return b.String()
}
