package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/reusewatch/reusewatch/internal/text"
)

const width, indent = 79, "   "

// Styles are escape sequences of ECMA-48.
const plain, bold, red, green, yellow = "", "1", "31", "32", "33"

// printer writes the demo for a person, until there is an error.
type printer struct {
	w        io.Writer
	terminal bool // a line may be overwritten
	colour   bool
	live     bool // the last line is to be overwritten
	err      error
}

func (p *printer) paint(style, text string) string {
	if !p.colour || style == plain {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (p *printer) write(text string) {
	if p.err != nil {
		text = ""
	}
	if p.live {
		text = "\r\x1b[K" + text
		p.live = false
	}
	if _, err := io.WriteString(p.w, text); err != nil && p.err == nil {
		p.err = fmt.Errorf("write the demo: %w", err)
	}
}

// head writes a heading, and say a paragraph.
func (p *printer) head(text string)               { p.write(p.paint(bold, text) + "\n") }
func (p *printer) say(format string, args ...any) { p.item(plain, "", format, args...) }

// item writes a paragraph that hangs from its first words. A word that is longer than a
// line has one of its own.
func (p *printer) item(style, first, format string, args ...any) {
	hang := strings.Repeat(" ", utf8.RuneCountInString(first))
	lead, line := p.paint(style, first), ""
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if line != "" && utf8.RuneCountInString(indent+hang+line+" "+word) > width {
			p.write(indent + lead + line + "\n")
			lead, line = hang, ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	p.write(indent + lead + line + "\n")
}

// event tells an event in plain words, if there are any.
func (p *printer) event(seconds float64, name, words string) {
	style := map[string]string{"stuck": red, "act_failed": red, "suspect": yellow, "held": yellow, "acted": green}[name]
	if words != "" {
		p.item(style, text.Printable(fmt.Sprintf("%5.1f s  %-8s ", seconds, name)), "%s", text.Printable(words))
	}
}

// now writes a line that the next one overwrites; nothing where that cannot be.
func (p *printer) now(format string, args ...any) {
	if p.terminal && p.err == nil {
		p.write(indent + fmt.Sprintf(format, args...))
		p.live = true
	}
}

// compare sets two whiles side by side. Outcomes that are no part of the story are left
// out where neither has any.
func (p *printer) compare(before, after *counts) {
	row := func(name string, b, a any) string { return fmt.Sprintf("%s%-22s %12v %12v\n", indent, name, b, a) }
	p.write("\n" + p.paint(bold, strings.TrimSuffix(row("", "before", "after"), "\n")) + "\n")
	p.write(row("requests begun", before.begun(), after.begun()))
	for _, o := range []outcome{answered, hung, reset, failed} {
		if b, a := before.became[o], after.became[o]; o == answered || o == hung || b+a > 0 {
			p.write(row(string(o), b, a))
		}
	}
	p.write(row("share that hangs", before.share(), after.share()))
	p.write(row("health checks passed", before.health(), after.health()) + "\n")
}
