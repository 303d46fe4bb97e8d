package top

import (
	"fmt"
	"strconv"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/text"
)

// drawRow draws one line of the list into l.
func (m *model) drawRow(l *line, r row, isSelected bool) {
	worst := r.item
	if worst == nil {
		worst = r.group.worst()
	}
	rank := worst.rank
	if isSelected {
		l.over = selected
		if rank == rankStuck {
			l.over = selectedBad
		}
		l.put(plain, ">")
	} else {
		l.put(plain, " ")
	}
	l.put(rankRole(rank), mark(rank))
	for i := range m.columns {
		c := &m.columns[i]
		if i > 0 {
			l.space(1)
		}
		if r.item == nil {
			m.drawGroupCell(l, c, r.group, rank)
		} else {
			m.drawCell(l, c, r)
		}
	}
}

func (m *model) drawCell(l *line, c *column, r row) {
	j, p := r.item.j, r.item.past
	loud := rankRole(r.item.rank)
	text, as := "", plain
	switch c.id {
	case colListener:
		m.drawListener(l, c, r)
		return
	case colVerdict:
		as, text = verdict(j.Verdict)
	case colCause:
		as, text = loud, string(j.Cause)
		if text == "" {
			as, text = warn, finding(j)
		}
	case colQueue:
		as, text = loud, queueOf(uint64(j.Queue), uint64(j.Backlog), c.width)
		if j.Queue == 0 {
			as = dim
		}
	case colBar:
		m.drawBar(l, c.width, uint64(j.Queue), uint64(j.Backlog), r.item.rank)
		return
	case colOldest:
		as, text = loud, m.oldest(j)
	case colSYN:
		text = rate(p.synRate)
	case colQueued:
		text = rate(p.queuedRate)
	case colAccepted:
		text = rate(p.acceptRate)
	case colShare:
		text = percent(j.Share.Maybe())
	case colSpark:
		as, text = accent, m.spark([]*past{p}, c.width)
	case colPID:
		text = "-"
		if o := ownerOf(j); o != nil {
			text = strconv.Itoa(o.PID)
		}
	case colCommand:
		text = m.glyphs.command(j, c.width)
		if r.item.rank == rankStuck {
			as = strong
		}
	case colUser:
		text = m.glyphs.user(j)
	case colWhere:
		as, text = dim, m.glyphs.where(j)
	case colDecision:
		text = decision(j, m.table.frame.Policy, m.since())
	case colCookie:
		as, text = dim, j.Cookie.String()
	case colCmdline:
		as, text = dim, m.glyphs.cmdline(j, c.width)
	}
	l.cell(as, text, c.width, c.right)
}

// drawListener is the address, behind a branch where its group is above it.
func (m *model) drawListener(l *line, c *column, r row) {
	width := c.width
	if !m.view.Flat && !r.group.alone() {
		branch := m.glyphs.branch
		if r.last {
			branch = m.glyphs.last
		}
		l.put(dim, branch)
		width -= 2
	}
	l.cell(plain, fitAddr(r.item.past.addr, width, m.glyphs.ellipsis), width, false)
}

func (m *model) drawBar(l *line, width int, queue, backlog uint64, rank int) {
	as := good
	switch {
	case rank == rankStuck:
		as = bad
	case rank < rankFine || queue*2 > backlog:
		as = warn
	}
	full, rest := m.glyphs.gauge(queue, backlog, width)
	l.put(as, full)
	l.put(dim, rest)
}

func (m *model) spark(ps []*past, width int) string {
	return m.glyphs.sparkline(m.history.lastMinute(ps, m.table.frame.Interval, width), width)
}

func (m *model) oldest(j *listener.Judgement) string { return report.Ago(waited(j, m.since())) }

// drawGroupCell sums up the members.
func (m *model) drawGroupCell(l *line, c *column, g *group, rank int) {
	shown, as := "", plain
	switch c.id {
	case colListener:
		as = strong
		if rank == rankStuck {
			as = bad
		}
		shown = g.members[0].past.addr
		if ns := m.glyphs.netns(g.members[0].j); !has(m.columns, colWhere) && len(shown)+min(text.Width(ns), 6) < c.width {
			shown += " " + ns
		} else {
			shown = fitAddr(shown, c.width, m.glyphs.ellipsis)
		}
	case colVerdict:
		as, shown = m.groupVerdict(g, rank)
	case colCause:
		as, shown = dim, fmt.Sprintf("%d members", len(g.members))
		if rank < rankSlow {
			as, shown = rankRole(rank), fmt.Sprintf("of %d members", len(g.members))
		}
	case colQueue, colBar:
		var queue, backlog uint64
		for _, it := range g.members {
			queue += uint64(it.j.Queue)
			backlog += uint64(it.j.Backlog)
		}
		if c.id == colBar {
			m.drawBar(l, c.width, queue, backlog, rank)
			return
		}
		as, shown = dim, queueOf(queue, backlog, c.width)
		if queue > 0 {
			as = rankRole(rank)
		}
	case colOldest:
		as, shown = rankRole(rank), report.Ago(g.oldest(m.since()))
	case colSYN:
		shown = g.total(func(p *past) listener.Maybe[float64] { return p.synRate })
	case colQueued:
		shown = g.total(func(p *past) listener.Maybe[float64] { return p.queuedRate })
	case colAccepted:
		shown = g.total(func(p *past) listener.Maybe[float64] { return p.acceptRate })
	case colSpark:
		ps := make([]*past, len(g.members))
		for i, it := range g.members {
			ps[i] = it.past
		}
		as, shown = accent, m.spark(ps, c.width)
	case colCommand:
		as, shown = dim, g.command(m.glyphs)
	case colWhere:
		as, shown = dim, m.glyphs.netns(g.members[0].j)
	default: // of members alone
	}
	l.cell(as, shown, c.width, c.right)
}

// groupVerdict counts what is wrong, or says what all is like.
func (m *model) groupVerdict(g *group, rank int) (role, string) {
	if rank == rankStuck {
		return bad, fmt.Sprintf("%d STUCK", g.count(rankStuck))
	}
	_, text := verdict(g.worst().j.Verdict)
	if rank < rankFine {
		return warn, fmt.Sprintf("%d %s", g.count(rank), text)
	}
	for _, it := range g.members {
		if it.j.Verdict == listener.Accepting {
			return good, string(listener.Accepting)
		}
	}
	return dim, text
}

func (g *group) oldest(since time.Duration) listener.Maybe[time.Duration] {
	var most listener.Maybe[time.Duration]
	for _, it := range g.members {
		if d, known := waited(it.j, since).Get(); known && d >= most.Or(0) {
			most = listener.Known(d)
		}
	}
	return most
}

func (g *group) total(of func(*past) listener.Maybe[float64]) string {
	var t total
	for _, it := range g.members {
		t.add(of(it.past))
	}
	return t.rate()
}

// command is what all members run, if it is one and the same.
func (g *group) command(gl *glyphs) string {
	name := ""
	for _, it := range g.members {
		o := ownerOf(it.j)
		if o == nil {
			continue
		}
		if name != "" && name != o.Comm {
			return "(several)"
		}
		name = o.Comm
	}
	return gl.text(name)
}
