package report

import (
	"strings"

	"github.com/reusewatch/reusewatch/internal/proc"
)

const columnGap = 2 // spaces between columns

// columns aligns cells by the room that they take on a terminal, where a wide
// character takes two places.
type columns struct {
	rows   [][]string
	widths []int
}

func (c *columns) row(cells ...string) {
	for i, cell := range cells {
		if i == len(c.widths) {
			c.widths = append(c.widths, 0)
		}
		c.widths[i] = max(c.widths[i], proc.Width(cell))
	}
	c.rows = append(c.rows, cells)
}

// lines gives each row as a line without its end. The last cell of a row is not
// padded.
func (c *columns) lines(yield func(string) bool) {
	for _, cells := range c.rows {
		var b strings.Builder
		for i, cell := range cells {
			b.WriteString(cell)
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", c.widths[i]-proc.Width(cell)+columnGap))
			}
		}
		if !yield(b.String()) {
			return
		}
	}
}
