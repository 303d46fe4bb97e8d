package report

import (
	"fmt"
	"path"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// Findings says in a word each what is wrong with a listener that may well accept.
func Findings(j *listener.Judgement) string { return text.Join(j.Findings(), ",") }

// findings is the section of an explanation.
func (e explanation) findings(p *text.Page) {
	if e.Superseded == nil && e.Mixed == nil {
		return
	}
	p.Section("FINDINGS")
	if s := e.Superseded; s != nil {
		p.Paragraph(text.Indent+"superseded  ", sentence.Superseded(&e.Judgement))
		e.side(p, "older", &s.Old)
		e.side(p, "newer", &s.New)
		if e.Verdict != listener.Stuck && e.Decision != nil {
			p.Field("decision", supersededDecision(e.Decision))
		}
	}
	if e.Mixed != nil {
		p.Paragraph(text.Indent+"mixed  ", sentence.Mixed(e.Mixed)+".")
	}
}

func supersededDecision(d *listener.Decision) string {
	if d.Act == listener.Hold {
		return "held: " + text.Join(d.Reasons, ", ")
	}
	return string(d.Act)
}

func (e explanation) side(p *text.Page, name string, s *listener.Side) {
	user := text.Printable(s.User)
	if user == "" {
		user = fmt.Sprintf("uid %d", s.UID)
	}
	since := "its age is not known"
	if !s.Since.IsZero() {
		since = fmt.Sprintf("started %s ago (its listen() was not seen)", text.Span(e.At.Sub(s.Since)))
	}
	if s.SinceSeen {
		since = fmt.Sprintf("listens for %s", text.Span(e.At.Sub(s.Since)))
	}
	p.Field(name, fmt.Sprintf("%s, %s, %s: %s", sentence.Side(s), user, since, text.Dash(text.Printable(strings.Join(listener.Clip(s.Cmdline), " ")))))
	for _, c := range s.Configs {
		p.Field("", text.Printable(path.Clean(c.Path)))
	}
}
