package text

import (
	"slices"
	"testing"
)

func TestColumns(t *testing.T) {
	var c Columns
	c.Row("A", "B", "C")
	c.Row("漢字", "é", "x")
	c.Row("abc", "", "")
	c.Row("short")
	want := []string{
		"A      B  C",
		"漢字   é  x",
		"abc       ",
		"short",
	}
	if got := slices.Collect(c.Lines); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
