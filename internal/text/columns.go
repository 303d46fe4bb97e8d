package text

import "strings"

const columnGap = 2 // spaces between columns

// Columns aligns cells by the room that they take on a terminal, where a wide
// character takes two places.
type Columns struct {
	rows   [][]string
	widths []int
}

// Row adds a row; it may have fewer cells than others.
func (c *Columns) Row(cells ...string) {
	for i, cell := range cells {
		if i == len(c.widths) {
			c.widths = append(c.widths, 0)
		}
		c.widths[i] = max(c.widths[i], Width(cell))
	}
	c.rows = append(c.rows, cells)
}

// Lines gives each row as a line without its end. The last cell of a row is not
// padded.
func (c *Columns) Lines(yield func(string) bool) {
	for _, cells := range c.rows {
		var b strings.Builder
		for i, cell := range cells {
			b.WriteString(cell)
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", c.widths[i]-Width(cell)+columnGap))
			}
		}
		if !yield(b.String()) {
			return
		}
	}
}
