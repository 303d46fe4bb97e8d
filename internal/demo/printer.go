package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

const (
	width  = 79
	indent = "   "
)

// printer writes the demo for a person. Its first error is kept and ends the demo.
type printer struct {
	w        io.Writer
	terminal bool // a line may be overwritten
	colour   bool
	live     bool // the last line is to be overwritten
	err      error
}

func newPrinter(w io.Writer) *printer {
	p := &printer{w: w}
	if f, ok := w.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		p.terminal = err == nil
	}
	p.colour = p.terminal && os.Getenv("NO_COLOR") == ""
	return p
}

// style is an escape sequence of ECMA-48.
type style string

const (
	plain  style = ""
	bold   style = "1"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

func (p *printer) paint(s style, text string) string {
	if !p.colour || s == plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (p *printer) write(text string) {
	if p.err != nil {
		return
	}
	if p.live {
		text = "\r\x1b[K" + text
		p.live = false
	}
	if _, err := io.WriteString(p.w, text); err != nil {
		p.err = fmt.Errorf("write the demo: %w", err)
	}
}

// step begins a numbered step.
func (p *printer) step(n int, title string) {
	p.write("\n" + p.paint(bold, fmt.Sprintf("%d. %s", n, title)) + "\n")
}

// say writes a paragraph.
func (p *printer) say(format string, args ...any) { p.item("", plain, fmt.Sprintf(format, args...)) }

// item writes a paragraph that hangs from its first words.
func (p *printer) item(head string, s style, text string) {
	lines := wrap(text, width-len(indent)-utf8.RuneCountInString(head))
	for i, line := range lines {
		lead := p.paint(s, head)
		if i > 0 {
			lead = strings.Repeat(" ", utf8.RuneCountInString(head))
		}
		p.write(indent + lead + line + "\n")
	}
}

// now writes a line that the next one overwrites; nothing where that cannot be.
func (p *printer) now(format string, args ...any) {
	if !p.terminal {
		return
	}
	p.write(indent + fmt.Sprintf(format, args...))
	p.live = true
}

// end wipes out a line that was to be overwritten.
func (p *printer) end() {
	if p.live {
		p.write("")
	}
}

func (p *printer) table(rows []row) {
	line := func(name, before, after string) string {
		return fmt.Sprintf("%s%-22s %12s %12s", indent, name, before, after)
	}
	p.write("\n" + p.paint(bold, line("", "before", "after")) + "\n")
	for _, r := range rows {
		p.write(line(r.name, r.before, r.after) + "\n")
	}
}

// wrap breaks text between words into lines of at the most n characters; a
// longer word has a line of its own.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
