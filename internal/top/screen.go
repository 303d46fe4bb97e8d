package top

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// layout is how the lines of the screen are shared out, from top to bottom.
type layout struct {
	header, titles, list, panel, footer int
}

// layout gives the list what the rest leaves.
func (m *model) layout() layout {
	h := m.height
	var l layout
	if m.dialog.open() {
		l.panel = len(m.dialog.box(m, h))
		h -= l.panel
		if h >= 4 {
			l.header = 2
		}
		if h-l.header >= 2 {
			l.titles = 1
		}
		l.list = max(0, h-l.header-l.titles)
		return l
	}
	switch {
	case h >= 12:
		l.header = 3
	case h >= 8:
		l.header = 2
	case h >= 1:
		l.header = 1
	}
	if h >= 4 {
		l.titles = 1
	}
	if h >= 6 {
		l.footer = 1
	}
	if m.screen == screenList {
		switch {
		case h >= 24:
			l.panel = 5
		case h >= 20:
			l.panel = 4
		case h >= 15:
			l.panel = 3
		}
	}
	l.list = max(0, h-l.header-l.titles-l.panel-l.footer)
	return l
}

func (m *model) listHeight() int { return m.layout().list }

func (m *model) line() *line { return &line{theme: &m.theme, glyphs: m.glyphs, left: m.width} }

// View draws all of it.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	return v
}

// lines are as many as the terminal has, none wider than it.
func (m *model) lines() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	lay := m.layout()
	out := m.header(lay.header)
	if lay.titles > 0 {
		out = append(out, m.titles())
	}
	out = append(out, m.body(lay.list)...)
	for len(out) < lay.header+lay.titles+lay.list {
		out = append(out, "")
	}
	switch {
	case m.dialog.open():
		out = append(out, m.dialog.box(m, m.height)...)
	case lay.panel > 0:
		out = append(out, m.focus(lay.panel)...)
	}
	if lay.footer > 0 {
		out = append(out, m.footer())
	}
	return out[:min(len(out), m.height)]
}

func (m *model) titles() string {
	l := m.line()
	switch m.screen {
	case screenDetail:
		m.detailTitle(l)
		return l.String()
	case screenHelp:
		return ""
	default:
	}
	l.space(lead)
	for i := range m.columns {
		c := &m.columns[i]
		if i > 0 {
			l.space(1)
		}
		as := dim
		if c.id == sortedBy(m.view.Sort) {
			as = accent
		}
		l.cell(as, c.title, c.width, c.right)
	}
	return l.String()
}

func (m *model) body(height int) []string {
	switch {
	case m.screen == screenDetail && m.detail.e == nil:
		s := "asking…"
		if m.detail.err != nil {
			s = m.detail.err.Error()
		}
		return m.message(s, height)
	case m.screen == screenDetail:
		return m.drawText(&m.detail.pager, height)
	case m.screen == screenHelp:
		return m.drawText(&m.help, height)
	case m.table == nil:
		return nil
	case len(m.table.frame.Listeners) == 0:
		return m.message("nobody listens here", height)
	case len(m.rows) == 0:
		return m.message("nothing matches "+m.view.Filter+": esc clears the filter", height)
	}
	var out []string
	for i := m.top; i < len(m.rows) && len(out) < height; i++ {
		l := m.line()
		m.drawRow(l, m.rows[i], i == m.at)
		out = append(out, l.String())
	}
	return out
}

func (m *model) message(s string, height int) []string {
	if height <= 0 {
		return nil
	}
	l := m.line()
	l.space(lead)
	l.put(dim, m.glyphs.words(s))
	return []string{l.String()}
}

// focus says in words what the selected listener is: below a rule, so that the
// worst, which is selected at first, needs no key to be understood.
func (m *model) focus(height int) []string {
	rule := m.line()
	rule.put(dim, strings.Repeat(m.glyphs.rule, m.width))
	out := []string{rule.String()}
	if j, ok := m.selected(); ok {
		rank := rankOf(j.Verdict)
		f := m.table.frame
		e := wire.Explanation{Judgement: *j, Watched: f.Watched, Interval: f.Interval, Policy: f.Policy}
		words := m.glyphs.words(report.Standing(&e))
		room := height - 1
		gate := decision(j, f.Policy, m.since())
		if gate != "" && height > 2 {
			room--
		}
		for _, s := range wrap(words, max(1, m.width-1), max(1, room), m.glyphs.ellipsis) {
			l := m.line()
			l.put(rankRole(rank), s)
			out = append(out, l.String())
		}
		if room < height-1 {
			l := m.line()
			l.put(strong, gate)
			if r := firstReason(j); r != "" {
				l.put(dim, ": "+m.glyphs.words(report.Meaning(&e, r)))
			}
			out = append(out, l.String())
		}
	}
	for len(out) < height {
		out = append(out, "")
	}
	return out[:height]
}

// hint is a key and what it does.
type hint struct{ key, does string }

func (m *model) footer() string {
	l := m.line()
	switch {
	case m.typing:
		l.put(accent, "filter: ")
		room := max(1, l.left-1)
		typed := m.view.Filter
		if w := text.Width(typed); w > room {
			typed = tail(typed, w-room)
		}
		l.put(plain, typed)
		l.put(accent, m.glyphs.caret)
		l.put(dim, "  enter keeps it, esc clears it")
		return l.String()
	case m.note != "":
		l.put(warn, m.glyphs.words(m.note))
		return l.String()
	}
	for i, h := range m.hints() {
		w := text.Width(h.key) + text.Width(h.does) + 1
		if i > 0 {
			w += 2
		}
		if w > l.left {
			break
		}
		if i > 0 {
			l.space(2)
		}
		l.put(strong, h.key)
		l.space(1)
		l.put(dim, h.does)
	}
	return l.String()
}

func (m *model) hints() []hint {
	if m.screen != screenList {
		return []hint{{"q", "back"}, {m.glyphs.arrows, "scroll"}, {"c", "close"}, {"K", "kill"}, {"p", "pause"}}
	}
	pause := "pause"
	if m.paused {
		pause = "go on"
	}
	hints := []hint{
		{"q", "quit"}, {"?", "help"}, {m.glyphs.enter, "explain"}, {"/", "filter"}, {"s", "sort"},
		{"g", "groups"}, {"p", pause},
	}
	if m.canAct {
		hints = append(hints, hint{"c", "close"}, hint{"K", "kill"})
	}
	return append(hints, hint{m.glyphs.arrows, "move"})
}
