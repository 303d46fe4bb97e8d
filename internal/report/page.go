package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

const (
	// pageWidth is the narrowest terminal that anybody still works in.
	pageWidth  = 80
	pageIndent = "  "
	fieldWidth = 11
)

// page collects text in sections, wrapped to pageWidth.
type page struct{ strings.Builder }

func (p *page) line(s string) {
	p.WriteString(strings.TrimRight(s, " "))
	p.WriteByte('\n')
}

func (p *page) section(title string) {
	p.line("")
	p.line(title)
}

// field is a name and a text beside it.
func (p *page) field(name, text string) {
	p.paragraph(fmt.Sprintf("%s%-*s", pageIndent, fieldWidth, name), text)
}

// subfield is a field of what a line above names.
func (p *page) subfield(name, text string) {
	p.paragraph(fmt.Sprintf("%s%s%-*s", pageIndent, pageIndent, fieldWidth, name), text)
}

// paragraph wraps text at its spaces, behind a lead that later lines stay clear
// of. A word longer than a line keeps its length: nobody can copy half a path.
func (p *page) paragraph(lead, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(lead))
	line, empty := lead, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth {
			p.line(line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.line(line)
}

// grid is a table within a page.
type grid struct {
	page *page
	tw   *tabwriter.Writer
	text *strings.Builder
}

func (p *page) table() *grid {
	text := &strings.Builder{}
	return &grid{p, tabwriter.NewWriter(text, 0, 0, 2, ' ', 0), text}
}

func (g *grid) row(cells ...string) { g.marked(pageIndent, cells...) }

// marked is a row with a mark in the place of its indent.
func (g *grid) marked(mark string, cells ...string) {
	// Into memory: it cannot fail.
	fmt.Fprintln(g.tw, mark+strings.Join(cells, "\t"))
}

func (g *grid) flush() {
	_ = g.tw.Flush()
	for line := range strings.Lines(g.text.String()) {
		g.page.line(strings.TrimSuffix(line, "\n"))
	}
}
