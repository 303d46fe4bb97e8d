package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/reusewatch/reusewatch/internal/text"
)

// Invalid is everything that is wrong with one policy file.
type Invalid struct {
	File  string
	lines []string
}

// Lines tells each problem as FILE:LINE:COLUMN: TEXT, in the file's order, safe
// to print.
func (e *Invalid) Lines() []string { return slices.Clone(e.lines) }

// Error gives all of [Invalid.Lines], one a line.
func (e *Invalid) Error() string { return strings.Join(e.lines, "\n") }

// place is where in the file; both count from 1, columns in characters.
type place struct{ line, column int }

func at(n *yaml.Node) place { return place{n.Line, n.Column} }

type problem struct {
	place
	text string
}

// decoder walks the nodes of a file and collects what is wrong.
type decoder struct{ problems []problem }

func (d *decoder) problem(p place, format string, args ...any) {
	d.problems = append(d.problems, problem{p, fmt.Sprintf(format, args...)})
}

// invalid is nil where nothing is wrong.
func (d *decoder) invalid(name string) error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	e := &Invalid{File: name}
	for _, p := range d.problems {
		e.lines = append(e.lines, text.Printable(fmt.Sprintf("%s:%d:%d: %s", name, p.line, p.column, p.text)))
	}
	return e
}

// quote quotes a value of the file, not all of a very long one.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

// unreadable finds the first thing that YAML allows nowhere.
func unreadable(data []byte) (at place, what string, bad bool) {
	at = place{1, 1}
	for i, n := 0, 0; i < len(data); i += n {
		var r rune
		r, n = utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return at, fmt.Sprintf("byte 0x%02x", data[i]), true
		case r < 0x20 && !strings.ContainsRune("\t\n\r", r), r == 0x7f, r >= 0x80 && r < 0xa0 && r != 0x85,
			r == 0xfffe, r == 0xffff:
			return at, fmt.Sprintf("character U+%04X", r), true
		case r == '\n':
			at = place{at.line + 1, 1}
		case r != '\ufeff':
			at.column++
		}
	}
	return place{}, "", false
}

// syntax tells what the YAML parser could not read. It knows no columns, and
// only sometimes the line: that of what it was reading.
func (d *decoder) syntax(data []byte, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	number := 1
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		number, _ = strconv.Atoi(m[1])
		if strings.HasPrefix(text, "did not find") { // the library counts these from 0
			number++
		}
	}
	if m := regexp.MustCompile(`^unknown anchor '(.*)' referenced$`).FindStringSubmatch(text); m != nil {
		i := max(0, bytes.Index(data, []byte("*"+m[1])))
		d.problem(placeOf(data, i), "%s", noAliases)
		return
	}
	lines := bytes.Split(data, []byte("\n"))
	for i, line := range lines {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 {
			d.problem(place{i + 1, tab + 1}, "a tab indents this line: YAML wants spaces")
			return
		}
	}
	number = min(number, len(lines))
	line := lines[number-1]
	column := len(line) - len(bytes.TrimLeft(line, " ")) + 1
	d.problem(place{number, column}, "not valid YAML: %s; look here for indentation, colons, quotes and brackets", text)
}

func placeOf(data []byte, i int) place {
	before := data[:i]
	start := bytes.LastIndexByte(before, '\n') + 1
	return place{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1}
}
