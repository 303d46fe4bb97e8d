package top

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/wire"
)

const (
	// textWidth is the widest line that is still read with ease.
	textWidth = 100
	// clientsShown of those that wait.
	clientsShown = 10
)

// detail is what explain tells of one listener, anew with each frame.
type detail struct {
	cookie listener.Cookie
	e      *wire.Explanation // nil: none yet
	err    error             // of the last time it was asked for
	asked  bool              // and not answered
	pager
}

func (m *model) openDetail() tea.Cmd {
	j, ok := m.selected()
	if !ok {
		return nil
	}
	m.screen = screenDetail
	m.detail = detail{cookie: j.Cookie}
	return m.refresh()
}

// refresh asks for the explanation that is in sight, unless that is under way.
func (m *model) refresh() tea.Cmd {
	switch {
	case m.dialog.asking() && !m.dialog.asked:
		m.dialog.asked = true
		return m.do.explain(m.dialog.cookie)
	case m.screen == screenDetail && !m.detail.asked && !m.paused:
		m.detail.asked = true
		return m.do.explain(m.detail.cookie)
	}
	return nil
}

func (m *model) takeExplanation(msg explainMsg) {
	if d := m.dialog; d.open() && d.cookie == msg.cookie {
		d.asked = false
		if msg.err == nil {
			d.e = msg.e
		}
	}
	if d := &m.detail; d.cookie == msg.cookie {
		d.asked = false
		d.err = msg.err
		if msg.err == nil {
			d.e = msg.e
			d.refit(m)
		}
	}
}

// refit writes the text anew, for the width that there is.
func (d *detail) refit(m *model) {
	if d.e == nil {
		return
	}
	var b strings.Builder
	width := max(20, min(m.width, textWidth))
	// Into memory: it cannot fail.
	_ = report.Explain(&b, d.e, report.ExplainDetail{Clients: clientsShown, Width: width})
	d.lines = d.lines[:0]
	for l := range strings.Lines(b.String()) {
		d.lines = append(d.lines, m.glyphs.words(strings.TrimSuffix(l, "\n")))
	}
}

func (m *model) detailKey(name string) tea.Cmd {
	switch {
	case leaves(name):
		m.screen = screenList
	case name == "c" || name == "K":
		m.chosen = m.detail.cookie
		if name == "c" {
			return m.ask(listener.Close)
		}
		return m.ask(listener.Kill)
	case name == "p":
		m.pause()
		return m.refresh()
	case name == "?":
		m.screen = screenHelp
		m.help = pager{lines: m.helpLines()}
	default:
		m.detail.key(name, m.pageHeight())
	}
	return nil
}

// detailTitle says whose detail it is, and what it is as of now.
func (m *model) detailTitle(l *line) {
	d := &m.detail
	j, there := m.find(d.cookie)
	switch {
	case !there && d.e != nil:
		l.put(strong, d.e.Local.String())
		l.put(warn, "  it does not listen any more; this is the last that was seen")
	case !there:
		l.put(warn, "it does not listen any more")
	default:
		rank := rankOf(j.Verdict)
		as, word := verdict(j.Verdict)
		l.put(rankRole(rank), mark(rank)+" ")
		l.put(strong, j.Local.String())
		l.space(2)
		l.put(as, word)
		if j.Cause != "" {
			l.put(rankRole(rank), " "+string(j.Cause))
		} else if found := finding(j); found != "" {
			l.put(warn, " "+found)
		}
		l.put(dim, fmt.Sprintf("  cookie %s", j.Cookie))
		if d.err != nil {
			l.put(warn, "  "+m.glyphs.text(d.err.Error()))
		}
	}
}

// textRole finds titles and marks in plain text.
func textRole(s string, first bool) role {
	switch {
	case first, strings.HasPrefix(s, "> "):
		return strong
	case s != "" && s[0] >= 'A' && s[0] <= 'Z' && len(s) > 3 && strings.ToUpper(s[:4]) == s[:4]:
		return accent
	default:
		return plain
	}
}

func (m *model) drawText(p *pager, height int) []string {
	out := make([]string, 0, height)
	for i, s := range p.inSight(height) {
		l := m.line()
		as := textRole(s, p.top+i == 0)
		if p.left > 0 {
			s = tail(s, p.left)
		}
		// A line that is cut goes on to the right: no ellipsis, so that what is
		// beside it can be scrolled to.
		l.put(as, head(s, m.width))
		out = append(out, l.String())
	}
	return out
}

// pageHeight is how many lines of a text are in sight.
func (m *model) pageHeight() int { return m.layout().list }
