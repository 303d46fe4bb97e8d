package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

func headings() []string {
	return []string{"what", "reusewatch", "against", "theirs", "ratio [quartiles]", "target", "met"}
}

func (r row) cells(of figures) []string {
	ours := r.ours
	if r.ratio.show == nil {
		return []string{r.what, ours.spread(of), r.against, r.theirs.text(of), "", r.target, r.met(of)}
	}
	return []string{r.what, ours.text(of), r.against, r.theirs.text(of), r.ratio.spread(of), r.target, r.met(of)}
}

// measured says whether there is anything to show of a row.
func (r row) measured(of figures) bool {
	for _, f := range []figure{r.ours, r.ratio} {
		if _, known := of.of(f.benchmark, f.unit); known {
			return true
		}
	}
	return false
}

// terminal is the table in columns, as far as it was measured, and below it the machine.
func (r *results) terminal() string {
	var s strings.Builder
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(headings(), "\t")))
	for _, row := range rows() {
		if !row.measured(r.Figures) {
			continue
		}
		fmt.Fprintln(w, strings.ReplaceAll(strings.Join(row.cells(r.Figures), "\t"), "`", ""))
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&s, "\n%s\n", r.Machine)
	return s.String()
}

// markdown is the table for a page; a brief one leaves out what only explains.
func (r *results) markdown(brief bool) string {
	var s strings.Builder
	line := func(cells []string) { fmt.Fprintf(&s, "| %s |\n", strings.Join(cells, " | ")) }
	line(headings())
	fmt.Fprintf(&s, "%s|\n", strings.Repeat("|---", len(headings())))
	for _, row := range rows() {
		if row.brief || !brief {
			line(row.cells(r.Figures))
		}
	}
	fmt.Fprintf(&s, "\n`make bench` on %s.\n", r.Machine)
	return s.String()
}
