package top

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// dialog is about one act: it asks, shows what the act says, and how it ended.
// A nil dialog is none.
type dialog struct {
	action listener.Action
	cookie listener.Cookie
	about  string // what would be acted on
	e      *wire.Explanation
	asked  bool // for e
	state  dialogState
	hidden bool
	lines  []string // that the act said
	err    error
}

type dialogState int

const (
	dialogAsks dialogState = iota
	dialogRuns
	dialogEnded
)

// saidLines bounds what is kept of what an act says.
const saidLines = 200

func (d *dialog) open() bool    { return d != nil && !d.hidden }
func (d *dialog) asking() bool  { return d.open() && d.state == dialogAsks }
func (d *dialog) running() bool { return d != nil && d.state == dialogRuns }

// ask opens the dialog for the listener that is selected.
func (m *model) ask(action listener.Action) tea.Cmd {
	j, ok := m.find(m.chosen)
	switch {
	case !m.canAct:
		m.note = fmt.Sprintf("%s needs top to be started with --allow-actions", action)
		return nil
	case m.dialog.running():
		m.dialog.hidden = false
		return nil
	case !ok:
		m.note = "it does not listen any more"
		return nil
	}
	m.dialog = &dialog{action: action, cookie: j.Cookie, about: m.about(action, j)}
	m.dialog.e = &wire.Explanation{
		Judgement: *j, Tier: m.table.frame.Tier, Watched: m.table.frame.Watched,
		Interval: m.table.frame.Interval, Policy: m.table.frame.Policy,
	}
	return m.refresh()
}

func (m *model) about(action listener.Action, j *listener.Judgement) string {
	o := ownerOf(j)
	switch {
	case o == nil:
		return fmt.Sprintf("%s %s, which no process is known to hold", action, j.Local)
	case action == listener.Close:
		return fmt.Sprintf("close %s of %s pid %d", j.Local, m.glyphs.comm(o), o.PID)
	default:
		return fmt.Sprintf("kill %s pid %d, which holds %s", m.glyphs.comm(o), o.PID, j.Local)
	}
}

func (d *dialog) key(m *model, name string) tea.Cmd {
	switch d.state {
	case dialogAsks:
		_, there := m.find(d.cookie)
		if name == "y" && there {
			d.state = dialogRuns
			return m.do.act(d.action, d.cookie)
		}
		m.note = "nothing was done"
		m.dialog = nil
	case dialogRuns:
		if leaves(name) {
			d.hidden = true
			m.note = "it goes on; its end will be shown"
		}
	case dialogEnded:
		m.dialog = nil
	}
	return nil
}

// said takes in what the act says, and asks for more until it has ended.
func (d *dialog) said(m *model, msg saidMsg) tea.Cmd {
	if d == nil {
		return nil
	}
	if msg.done {
		d.state, d.err, d.hidden = dialogEnded, msg.err, false
		return nil
	}
	d.lines = append(d.lines, m.glyphs.text(msg.line))
	if n := len(d.lines) - saidLines; n > 0 {
		d.lines = slices.Delete(d.lines, 0, n)
	}
	return m.do.said()
}

// styled is text with its role.
type styled struct {
	role role
	text string
}

// text is what the dialog says, wrapped to width places.
func (d *dialog) text(m *model, width int) (body []styled, keys string) {
	say := func(r role, lead, s string) {
		indent := text.Width(lead)
		for i, l := range wrap(m.glyphs.words(s), max(1, width-indent), 100, m.glyphs.ellipsis) {
			if i > 0 {
				lead = strings.Repeat(" ", indent)
			}
			body = append(body, styled{r, lead + l})
		}
	}
	gap := func() { body = append(body, styled{}) }
	switch d.state {
	case dialogAsks:
	case dialogRuns:
		say(strong, "", "Under way: "+d.about)
		for _, l := range d.lines {
			say(plain, "  ", l)
		}
		return body, "esc: hide this, it goes on"
	case dialogEnded:
		if d.err != nil {
			say(bad, "", "NOT DONE: "+d.about)
			for _, l := range d.lines {
				say(plain, "  ", l)
			}
			say(bad, "  ", d.err.Error())
		} else {
			say(good, "", "DONE: "+d.about)
			for _, l := range d.lines {
				say(plain, "  ", l)
			}
		}
		return body, "any key: back"
	}
	say(strong, "", strings.ToUpper(d.about[:1])+d.about[1:]+"?")
	// What matters most first: a small screen cuts the end.
	d.gate(say)
	gap()
	say(rankRole(rankOf(d.e.Verdict)), "", report.Standing(d.e))
	gap()
	say(plain, "", d.would())
	if _, there := m.find(d.cookie); !there {
		gap()
		say(warn, "", "It does not listen any more.")
		return body, "any key: back"
	}
	return body, fmt.Sprintf("y: %s it   any other key: cancel", d.action)
}

// would says what a yes does.
func (d *dialog) would() string {
	if d.action == listener.Close {
		return "The listener leaves its group; its process and the connections that it has stay. Clients that wait are moved to other members where the kernel can."
	}
	return "It gets SIGTERM, and SIGKILL if it has not gone in time; all that it listens on goes with it. Clients that wait are moved to other members where the kernel can."
}

// gate is what the gate answers a person: that nothing is armed is no reason then.
func (d *dialog) gate(say func(r role, lead, s string)) {
	if d.e.Verdict != listener.Stuck || d.e.Decision == nil {
		say(warn, "", fmt.Sprintf("The gate: it is %s, not stuck, and nothing is done unless it gets stuck.", orNot(string(d.e.Verdict))))
		return
	}
	var holds []listener.Reason
	width := 0
	for _, r := range d.e.Decision.Reasons {
		if r != listener.NotArmed {
			holds = append(holds, r)
			width = max(width, len(r))
		}
	}
	if len(holds) == 0 {
		say(good, "", "The gate: nothing holds. It looks once more before it acts.")
		return
	}
	say(warn, "", "The gate holds as of now, and asks again before anything is done:")
	for _, r := range holds {
		say(plain, fmt.Sprintf("  %-*s  ", width, r), report.Meaning(d.e, r))
	}
}

func orNot(v string) string {
	if v == "" {
		return "not judged yet"
	}
	return v
}

// box draws the dialog in at most height lines; its keys are always in sight.
func (d *dialog) box(m *model, height int) []string {
	if m.width < 24 || height < 6 {
		body, keys := d.text(m, max(1, m.width))
		out := m.plainLines(body, height-1)
		l := m.line()
		l.put(strong, keys)
		return append(out, l.String())
	}
	inner := min(m.width, textWidth) - 4
	body, keys := d.text(m, inner)
	if most := height - 4; len(body) > most {
		if d.state == dialogAsks {
			body = append(body[:most-1:most-1], styled{dim, m.glyphs.ellipsis})
		} else {
			body = body[len(body)-most:]
		}
	}
	b := m.glyphs.border
	edge := accent
	if d.action == listener.Kill {
		edge = warn
	}
	var out []string
	side := func(r role, s string) {
		l := m.line()
		l.put(edge, b.Left+" ")
		l.cell(r, s, inner, false)
		l.put(edge, " "+b.Right)
		out = append(out, l.String())
	}
	rule := func(left, mid, right string) {
		l := m.line()
		l.put(edge, left+strings.Repeat(mid, inner+2)+right)
		out = append(out, l.String())
	}
	rule(b.TopLeft, b.Top, b.TopRight)
	for _, s := range body {
		side(s.role, s.text)
	}
	side(plain, "")
	side(strong, keys)
	rule(b.BottomLeft, b.Bottom, b.BottomRight)
	return out
}

func (m *model) plainLines(body []styled, most int) []string {
	var out []string
	for _, s := range body[:max(0, min(most, len(body)))] {
		l := m.line()
		l.put(s.role, s.text)
		out = append(out, l.String())
	}
	return out
}
