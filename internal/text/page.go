package text

import (
	"fmt"
	"strings"
)

// Indent is that of everything within a section.
const Indent = "  "

const (
	// pageWidth is the narrowest terminal that anybody still works in.
	pageWidth  = 80
	fieldWidth = 11
)

// Page collects text in sections, wrapped to its width.
type Page struct {
	strings.Builder
	width int // in columns
}

// NewPage takes a width, 0 for pageWidth.
func NewPage(width int) *Page {
	if width == 0 {
		width = pageWidth
	}
	return &Page{width: width}
}

// Line writes one line, however long it is.
func (p *Page) Line(s string) {
	p.WriteString(strings.TrimRight(s, " "))
	p.WriteByte('\n')
}

// Section begins one.
func (p *Page) Section(title string) {
	p.Line("")
	p.Line(title)
}

// Field is a name and a text beside it.
func (p *Page) Field(name, text string) {
	p.Paragraph(fmt.Sprintf("%s%-*s", Indent, fieldWidth, name), text)
}

// Subfield is a field of what a line above names.
func (p *Page) Subfield(name, text string) {
	p.Paragraph(fmt.Sprintf("%s%s%-*s", Indent, Indent, fieldWidth, name), text)
}

// Paragraph wraps text at its spaces, behind a lead that later lines stay clear
// of. A word longer than a line keeps its length: nobody can copy half a path.
func (p *Page) Paragraph(lead, text string) {
	indent := strings.Repeat(" ", Width(lead))
	line, empty := lead, true
	for word := range strings.FieldsSeq(text) {
		if !empty && Width(line)+1+Width(word) > p.width {
			p.Line(line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.Line(line)
}

// Grid is a table within a page.
type Grid struct {
	page    *Page
	columns Columns
}

// Table begins one.
func (p *Page) Table() *Grid { return &Grid{page: p} }

// Row adds a row.
func (g *Grid) Row(cells ...string) { g.Marked(Indent, cells...) }

// Marked is a row with a mark in the place of its indent.
func (g *Grid) Marked(mark string, cells ...string) {
	g.columns.Row(append([]string{mark + cells[0]}, cells[1:]...)...)
}

// Flush writes the rows.
func (g *Grid) Flush() {
	for line := range g.columns.Lines {
		g.page.Line(line)
	}
}
