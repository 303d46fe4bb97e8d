package report

import (
	"fmt"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

func (e explanation) clients(p *text.Page, show int) {
	p.Section("CLIENTS")
	c, known := e.Clients.Get()
	if !known {
		p.Paragraph(text.Indent, "Who waits could not be read.")
		return
	}
	if c.Total == 0 {
		p.Paragraph(text.Indent, "Nobody waits.")
		return
	}
	rows := c.Oldest[:min(show, len(c.Oldest))]
	p.Paragraph(text.Indent, clientsSum(&c, len(rows)))
	if len(rows) == 0 {
		return
	}
	t := p.Table()
	t.Row("CLIENT", "WAITED", "UNREAD", "")
	for _, r := range rows {
		t.Row(r.Remote.String(), text.Short(r.Waited), unread(r.Unread), left(r.Gone))
	}
	t.Flush()
	if more := c.Total - len(rows); more > 0 {
		hint := ""
		if len(rows) == show { // else no more than these were told apart
			hint = fmt.Sprintf(" (--clients %d)", c.Total)
		}
		p.Paragraph(text.Indent, fmt.Sprintf("… and %s more%s", text.Thousands(uint32(more)), hint))
	}
}

func clientsSum(c *listener.Clients, shown int) string {
	s := text.Plural(c.Total, "client") + " in the queue by now, "
	switch c.Gone {
	case 0:
		s += "none has gone"
	case c.Total:
		s += "all have gone"
	default:
		s += fmt.Sprintf("%s of them gone", text.Thousands(uint32(c.Gone)))
	}
	if shown > 0 && shown < c.Total {
		s += fmt.Sprintf("; the %d oldest", shown)
	}
	return s + ":"
}

func left(g listener.Gone) string {
	switch g {
	case listener.NotGone:
		return ""
	case listener.GoneFIN:
		return "gone: closed (FIN)"
	default:
		return "gone: reset (RST)"
	}
}

func unread(n listener.Maybe[uint32]) string {
	v, known := n.Get()
	if !known {
		return "-"
	}
	return text.Bytes(uint64(v))
}

// groupRows bounds the members shown; groups of hundreds exist.
const groupRows = 12

// group shows the members side by side, the one explained first.
func (e explanation) group(p *text.Page, wide bool) {
	if len(e.Members) == 0 {
		p.Section("GROUP")
		p.Paragraph(text.Indent, "None: it has no SO_REUSEPORT, and every client lands here.")
		return
	}
	p.Section(fmt.Sprintf("GROUP of %d, > is the one explained", len(e.Members)))
	t := p.Table()
	t.Row("VERDICT", "QUEUE", "OLDEST", "SHARE", "ACCEPTED", "PID", "COMMAND", "USER", "AGE", "COOKIE")
	shown := 0
	row := func(j *listener.Judgement, mark string) {
		if shown++; shown > groupRows && !wide {
			return
		}
		t.Marked(mark, text.Dash(string(j.Verdict)), fmt.Sprint(j.Queue), Ago(j.OldestWait.Maybe()), percent(j.Share.Maybe()),
			number(j.Accepted.Maybe()), pids(j), command(j), user(j), age(j), j.Cookie.String())
	}
	for _, mine := range []bool{true, false} {
		for i := range e.Members {
			if m := &e.Members[i]; (m.Cookie == e.Cookie) == mine {
				mark := "  "
				if mine {
					mark = "> "
				}
				row(m, mark)
			}
		}
	}
	t.Flush()
	if more := shown - groupRows; more > 0 && !wide {
		p.Paragraph(text.Indent, fmt.Sprintf("… and %d more (-o wide)", more))
	}
}

func percent(share listener.Maybe[float64]) string {
	if v, known := share.Get(); known {
		return fmt.Sprintf("%.0f%%", 100*v)
	}
	return "-"
}

// age is since when the first owner runs.
func age(j *listener.Judgement) string {
	if len(j.Owners) == 0 || j.Owners[0].Started.IsZero() {
		return "-"
	}
	return text.Short(max(j.At.Sub(j.Owners[0].Started), 0))
}
