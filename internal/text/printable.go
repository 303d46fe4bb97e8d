// Package text has what terminal text is made of: what may reach a terminal, and how wide it is
// there; what of a command line is a secret; columns, pages, spans of time and sizes.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// Printable makes s safe to print to a terminal in one line, and as wide there as
// Width says. Only what every terminal shows from left to right, in one or two
// columns that belong to it alone, stays: of the rest, control characters and
// invalid UTF-8 become \xNN, and \uNNNN or \UNNNNNNNN what is above ASCII.
// Those are letters of scripts that run from right to left and would turn the
// columns beside them around, marks that combine with what stands before, all
// that is invisible or unassigned, and parts of what several runes make one of,
// such as flags. The backslash stays too, so the result is for eyes and cannot be
// turned back.
func Printable(s string) string {
	return escape(s, plain)
}

// PrintableASCII is Printable for a terminal that knows ASCII alone.
func PrintableASCII(s string) string {
	return escape(s, func(r rune) bool { return r < utf8.RuneSelf && plain(r) })
}

// Width is how many columns a terminal gives to s, which Printable made or which
// needs none of it.
func Width(s string) int { return displaywidth.String(s) }

func escape(s string, stays func(rune) bool) string {
	clean := 0
	for clean < len(s) {
		r, n := utf8.DecodeRuneInString(s[clean:])
		if invalid(r, n) || !stays(r) {
			break
		}
		clean += n
	}
	if clean == len(s) {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:clean])
	for i := clean; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case !invalid(r, n) && stays(r):
			b.WriteString(s[i : i+n])
		case n == 1: // ASCII, or a byte of invalid UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// invalid judges a rune that was decoded from n bytes.
func invalid(r rune, n int) bool { return r == utf8.RuneError && n <= 1 }

// plain says whether r stands for itself wherever it is printed.
func plain(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= 0x20 && r < 0x7f
	case !unicode.IsPrint(r), unicode.Is(unicode.M, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return false
	}
	return !joins(r) && !rightToLeft(r)
}

// joins knows what is no mark, and yet makes one character of itself and its
// neighbours (GraphemeBreakProperty.txt).
func joins(r rune) bool {
	switch {
	case unicode.Is(unicode.Regional_Indicator, r), r >= 0x1f3fb && r <= 0x1f3ff: // flags, skins
		return true
	case r >= 0x1100 && r <= 0x11ff, r >= 0xa960 && r <= 0xa97f, r >= 0xd7b0 && r <= 0xd7ff: // Hangul
		return true
	}
	switch r {
	case 0x0d4e, 0x0e33, 0x0eb3, 0xff9e, 0xff9f, 0x111c2, 0x111c3, 0x1193f, 0x11941,
		0x11a84, 0x11a85, 0x11a86, 0x11a87, 0x11a88, 0x11a89, 0x11d46, 0x11f02:
		return true
	}
	return false
}

// rightToLeft knows the blocks that Unicode keeps for scripts that run that way,
// assigned or not (DerivedBidiClass.txt).
func rightToLeft(r rune) bool {
	return r >= 0x0590 && r <= 0x08ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}
