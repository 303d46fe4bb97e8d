package top

import (
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// role is what a piece of text is, for its style.
type role int

const (
	plain role = iota
	strong
	dim
	bad   // stuck
	badge // the word that must be seen
	warn  // suspect, slow
	good
	accent
	selected
	selectedBad
	roles
)

// theme styles text by role. The zero theme styles nothing.
type theme struct {
	styles [roles]lipgloss.Style
	any    bool
}

// newTheme chooses for what the terminal can show. Without colour the words and
// marks say it all; bold and reverse stay where the terminal has them.
func newTheme(p colorprofile.Profile, dark bool) theme {
	var t theme
	if p <= colorprofile.NoTTY {
		return t
	}
	t.any = true
	for i := range t.styles {
		t.styles[i] = lipgloss.NewStyle()
	}
	t.styles[strong] = lipgloss.NewStyle().Bold(true)
	if p == colorprofile.ASCII {
		t.styles[dim] = lipgloss.NewStyle().Faint(true)
		t.styles[bad] = lipgloss.NewStyle().Bold(true)
		t.styles[badge] = lipgloss.NewStyle().Bold(true).Reverse(true)
		t.styles[selected] = lipgloss.NewStyle().Reverse(true)
		t.styles[selectedBad] = lipgloss.NewStyle().Bold(true).Reverse(true)
		return t
	}
	best := lipgloss.Complete(p)
	shade := lipgloss.LightDark(dark)
	color := func(ansi, light, light256, night, night256 string) lipgloss.Style {
		c := best(lipgloss.Color(ansi), lipgloss.Color(night256), lipgloss.Color(night))
		if p > colorprofile.ANSI {
			c = shade(best(lipgloss.Color(ansi), lipgloss.Color(light256), lipgloss.Color(light)), c)
		}
		return lipgloss.NewStyle().Foreground(c)
	}
	t.styles[dim] = color("8", "#6c6c6c", "242", "#8a8a8a", "245")
	t.styles[bad] = color("1", "#c00020", "160", "#ff6b6b", "203").Bold(true)
	t.styles[warn] = color("3", "#8a5a00", "94", "#ffd75f", "221")
	t.styles[good] = color("2", "#1a7f37", "28", "#5fd787", "78")
	t.styles[accent] = color("6", "#00688b", "24", "#5fd7ff", "81")
	t.styles[badge] = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("15")).
		Background(best(lipgloss.Color("1"), lipgloss.Color("160"), lipgloss.Color("#d00020")))
	t.styles[selected] = lipgloss.NewStyle().Foreground(best(lipgloss.Color("0"), lipgloss.Color("231"), lipgloss.Color("#ffffff"))).
		Background(best(lipgloss.Color("6"), lipgloss.Color("24"), lipgloss.Color("#1f4e79")))
	t.styles[selectedBad] = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("15")).
		Background(best(lipgloss.Color("1"), lipgloss.Color("88"), lipgloss.Color("#8b0f1d")))
	return t
}

func (t *theme) render(r role, s string) string {
	if !t.any || r == plain || s == "" {
		return s
	}
	return t.styles[r].Render(s)
}
