package report

import (
	"slices"
	"testing"
)

func TestColumns(t *testing.T) {
	var c columns
	c.row("A", "B", "C")
	c.row("漢字", "é", "x")
	c.row("abc", "", "")
	c.row("short")
	want := []string{
		"A      B  C",
		"漢字   é  x",
		"abc       ",
		"short",
	}
	if got := slices.Collect(c.lines); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
