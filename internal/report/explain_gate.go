package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// Meaning says in a line what a reason of the gate means, and what would lift it.
func Meaning(e *wire.Explanation, r listener.Reason) string { return explanation{e}.meaning(r) }

func (e explanation) meaning(r listener.Reason) string {
	meaning := r.Row().Meaning
	if r == listener.Busy && !e.measured() {
		meaning = "nobody has measured yet that it makes no progress: {longer}"
	}
	stood := Stood(&e.Judgement)
	if r == listener.TooSoon && stood < e.Window.Observed {
		meaning = "its process has stood still for {observed} of the {needed} that it takes"
	}
	return strings.NewReplacer(
		"{observed}", text.Span(stood), "{needed}", text.Span(e.Policy.For(e.Class)), "{longer}", e.longer(),
		"{waits}", e.waits(), "{ill}", text.Join(e.Decision.Ill, ", "),
	).Replace(meaning)
}

// waits says what the culprit waits for.
func (e explanation) waits() string {
	if o, known := e.CulpritOwner(); known {
		if s := sentence.WaitsFor(o); s != "" {
			return s
		}
	}
	return "what it waits for is not known, which counts as somebody alive"
}

// measured: it is known whether it makes progress, of the culprit or at least of an owner.
func (e explanation) measured() bool {
	if i := slices.IndexFunc(e.Signs, func(s listener.SignSeen) bool { return s.Sign == listener.SignMovesBytes }); i >= 0 {
		return e.Signs[i].Alive.IsKnown()
	}
	return slices.ContainsFunc(e.Owners, func(o listener.Owner) bool { return o.Evidence != nil && o.Evidence.Usage.IsKnown() })
}

// asked: the gate is asked only about a stuck listener.
func (e explanation) asked() bool { return e.Verdict == listener.Stuck && e.Decision != nil }

func (e explanation) gate(p *text.Page) {
	p.Section("GATE")
	if !e.asked() {
		s := "The gate is asked only about a stuck listener"
		if e.Verdict == listener.Suspect || e.Verdict == listener.NoVerdict {
			s += ": " + e.longer()
		}
		p.Paragraph(text.Indent, s+".")
		return
	}
	p.Paragraph(text.Indent, e.answer())
	width := 0
	for _, r := range e.Decision.Reasons {
		width = max(width, len(r))
	}
	for _, r := range e.Decision.Reasons {
		p.Paragraph(fmt.Sprintf("%s%-*s  ", text.Indent, width, r), e.meaning(r))
	}
}

// answer sums up: what an armed run would do.
func (e explanation) answer() string {
	soon := slices.Contains(e.Decision.Reasons, listener.TooSoon)
	held := len(e.Decision.Reasons)
	for _, r := range []listener.Reason{listener.NotArmed, listener.TooSoon} {
		if slices.Contains(e.Decision.Reasons, r) {
			held--
		}
	}
	class := e.Class.Row().Sentence
	what := fmt.Sprintf("kill pid %d", e.Culprit)
	if e.Policy.Action == listener.Close {
		what = fmt.Sprintf("close the listener of pid %d", e.Culprit)
	}
	switch {
	case held > 0:
		return fmt.Sprintf("It holds: an armed run would not act, because of what follows. %s", class)
	case soon:
		return fmt.Sprintf("An armed run would %s in %s, should no accept come before. %s", what, text.Span(e.Policy.For(e.Class)-Stood(&e.Judgement)), class)
	default:
		return fmt.Sprintf("An armed run would %s now. %s", what, class)
	}
}
