package report

import (
	"fmt"
	"strings"

	"github.com/reusewatch/reusewatch/internal/proc"
)

const (
	// pageWidth is the narrowest terminal that anybody still works in.
	pageWidth  = 80
	pageIndent = "  "
	fieldWidth = 11
)

// page collects text in sections, wrapped to its width.
type page struct {
	strings.Builder
	width int // in columns
}

// newPage takes a width, 0 for pageWidth.
func newPage(width int) *page {
	if width == 0 {
		width = pageWidth
	}
	return &page{width: width}
}

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
	indent := strings.Repeat(" ", proc.Width(lead))
	line, empty := lead, true
	for word := range strings.FieldsSeq(text) {
		if !empty && proc.Width(line)+1+proc.Width(word) > p.width {
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
	columns
}

func (p *page) table() *grid { return &grid{page: p} }

func (g *grid) row(cells ...string) { g.marked(pageIndent, cells...) }

// marked is a row with a mark in the place of its indent.
func (g *grid) marked(mark string, cells ...string) {
	g.columns.row(append([]string{mark + cells[0]}, cells[1:]...)...)
}

func (g *grid) flush() {
	for line := range g.lines {
		g.page.line(line)
	}
}
