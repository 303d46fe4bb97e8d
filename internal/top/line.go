package top

import (
	"strings"

	"github.com/reusewatch/reusewatch/internal/text"
)

// line is one line of the screen, never wider than it.
type line struct {
	theme  *theme
	glyphs *glyphs
	b      strings.Builder
	left   int  // places
	over   role // of the whole line, unless plain
}

// put appends s, cut where the line ends. s is printable.
func (l *line) put(r role, s string) {
	w := text.Width(s)
	if w > l.left {
		s = fit(s, l.left, l.glyphs.ellipsis)
		w = text.Width(s)
	}
	l.left -= w
	if l.over != plain {
		r = plain
	}
	l.b.WriteString(l.theme.render(r, s))
}

func (l *line) space(n int) {
	if n = min(n, l.left); n > 0 {
		l.b.WriteString(strings.Repeat(" ", n))
		l.left -= n
	}
}

// cell puts s into exactly width places.
func (l *line) cell(r role, s string, width int, right bool) {
	s = fit(s, width, l.glyphs.ellipsis)
	gap := width - text.Width(s)
	if right {
		l.space(gap)
		gap = 0
	}
	l.put(r, s)
	l.space(gap)
}

func (l *line) String() string {
	if l.over == plain {
		return strings.TrimRight(l.b.String(), " ")
	}
	if !l.theme.any {
		return strings.TrimRight(l.b.String(), " ")
	}
	l.space(l.left)
	return l.theme.render(l.over, l.b.String())
}

// fit cuts s to width places, and says with an ellipsis that it did.
func fit(s string, width int, ellipsis string) string {
	if len(s) <= width || text.Width(s) <= width {
		return s
	}
	if width <= 0 {
		return ""
	}
	return head(s, width-1) + ellipsis
}

// fitAddr cuts an address in its middle: the port tells most.
func fitAddr(s string, width int, ellipsis string) string {
	port := s[strings.LastIndexByte(s, ':')+1:]
	if len(s) <= width || len(port)+2 > width {
		return fit(s, width, ellipsis)
	}
	return s[:width-len(port)-2] + ellipsis + ":" + port
}

// head is what of s fits into width places.
func head(s string, width int) string {
	used := 0
	for i, r := range s {
		w := 1
		if r >= 0x80 {
			w = text.Width(string(r))
		}
		if used += w; used > width {
			return s[:i]
		}
	}
	return s
}

// tail is s without what stands in its first skip places. A wide character that
// is cut in half leaves a space.
func tail(s string, skip int) string {
	if skip == 0 {
		return s
	}
	cut := head(s, skip)
	rest := s[len(cut):]
	if rest == "" || text.Width(cut) == skip {
		return rest
	}
	first := head(rest, 2)
	return " " + rest[len(first):]
}

// wrap breaks s at its spaces into lines of width places; the last of at most
// most lines is cut.
func wrap(s string, width, most int, ellipsis string) []string {
	var lines []string
	line := ""
	words := strings.Fields(s)
	for i, word := range words {
		switch {
		case line == "":
			line = word
		case text.Width(line)+1+text.Width(word) <= width:
			line += " " + word
		case len(lines) == most-1:
			return append(lines, fit(line+" "+strings.Join(words[i:], " "), width, ellipsis))
		default:
			lines = append(lines, fit(line, width, ellipsis))
			line = word
		}
	}
	return append(lines, fit(line, width, ellipsis))
}
