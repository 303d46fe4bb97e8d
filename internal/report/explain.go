package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// explanation says what an Explanation knows.
type explanation struct{ *wire.Explanation }

// ExplainDetail is how much of it to tell.
type ExplainDetail struct {
	Wide    bool // every thread, stack, member and owner
	Clients int  // how many clients to show
	Width   int  // of the text in columns, 0 for 80; tables and long words may be wider
}

// Explain writes an explanation for a person, in sections of plain text.
func Explain(w io.Writer, about *wire.Explanation, d ExplainDetail) error {
	e, p := explanation{about}, text.NewPage(d.Width)
	p.Paragraph("", headline(e))
	p.Line("")
	p.Paragraph("", e.standing())
	if e.Note != "" {
		p.Line("")
		p.Paragraph("", e.Note)
	}
	e.identity(p)
	e.findings(p)
	e.clients(p, d.Clients)
	e.group(p, d.Wide)
	e.owners(p, d.Wide)
	e.signs(p, d.Wide)
	e.history(p)
	e.gate(p)
	e.probes(p)
	e.others(p)
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("write the explanation: %w", err)
	}
	return nil
}

// Tell says what JSON carries of an explanation beside what is known.
func Tell(about *wire.Explanation) wire.Told {
	e := explanation{about}
	told := wire.Told{Timeline: e.moments(), Probe: e.probe()}
	if e.asked() {
		told.Gate = []wire.Meaning{}
		for _, r := range e.Decision.Reasons {
			told.Gate = append(told.Gate, wire.Meaning{Reason: r, Meaning: e.meaning(r)})
		}
	}
	return told
}

func headline(e explanation) string {
	s := fmt.Sprintf("%s is ", e.Local)
	switch e.Verdict {
	case listener.NoVerdict:
		s += "not judged yet"
	case listener.Stuck:
		s += fmt.Sprintf("STUCK: %s", e.Cause)
	case listener.Suspect:
		s += "SUSPECT"
	default:
		s += string(e.Verdict)
	}
	return s
}

// Standing is the sentence of a stuck listener, or what another one is.
func Standing(e *wire.Explanation) string { return explanation{e}.standing() }

func (e explanation) standing() string {
	if e.Verdict == listener.Stuck {
		return sentence.Stuck(&e.Judgement)
	}
	wait, known := e.OldestWait.Get()
	waiting := "Nobody waits"
	if e.Queue > 0 {
		waiting = text.Plural(int(e.Queue), "client") + " wait"
		if e.Queue == 1 {
			waiting += "s"
		}
	}
	if known && e.Queue > 0 {
		waiting += ", the oldest for " + text.Span(wait)
	}
	s := holders(e) + ". " + waiting
	switch e.Verdict {
	case listener.Suspect:
		if e.Watched {
			s += fmt.Sprintf("; the same client stood at the head of the queue for %s: %s", text.Span(e.Window.Observed), e.longer())
		} else {
			s += ". One look cannot tell a dead owner from a slow one: " + e.longer()
		}
	case listener.Slow:
		s += ": it accepts, but slowly"
	case listener.Accepting:
		if at, known := e.LastAccept.Get(); known {
			s += fmt.Sprintf("; it accepted %s ago", text.Span(e.At.Sub(at)))
		}
	case listener.Idle:
		if e.Watched {
			s += ", and as far as is known nobody came in the last minute"
		} else {
			s += ". One look tells no more: " + e.longer()
		}
	default:
		s += ": too early to tell, " + e.longer()
	}
	return s + "."
}

// longer says how to find out what one look, or a short one, cannot tell.
func (e explanation) longer() string {
	return fmt.Sprintf("watch longer, with --for %s", e.Policy.StuckAfter+2*e.Interval)
}

func looks(n int) string {
	if n == 1 {
		return "1 look"
	}
	return fmt.Sprintf("%d looks", n)
}

func holders(e explanation) string {
	switch {
	case len(e.Owners) == 0 && e.OwnersKnown:
		return fmt.Sprintf("No process has a descriptor of the listener on %s: %s", e.Local, sentence.NoDescriptor)
	case len(e.Owners) == 0:
		return fmt.Sprintf("Who holds the listener on %s is not known", e.Local)
	}
	o := &e.Owners[0]
	s := fmt.Sprintf("%s pid %d (%s", text.Dash(text.Printable(o.Comm)), o.PID, sentence.User(o))
	if !o.Started.IsZero() {
		s += fmt.Sprintf(", started %s ago", text.Span(e.At.Sub(o.Started)))
	}
	s += ")"
	if more := len(e.Owners) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more hold the listener on %s", s, more, e.Local)
	}
	return fmt.Sprintf("%s listens on %s", s, e.Local)
}

func (e explanation) identity(p *text.Page) {
	p.Section("LISTENER")
	p.Field("socket", fmt.Sprintf("%s %s, cookie %s, inode %s", e.Protocol(), e.Local, e.Cookie, orUnknown(e.Inode != 0, fmt.Sprint(e.Inode))))
	ns := fmt.Sprint(e.Netns)
	if e.NetnsName != "" {
		ns = fmt.Sprintf("%s (%s)", text.Printable(e.NetnsName), ns)
	}
	p.Field("namespace", ns)
	p.Field("queue", fmt.Sprintf("%d of %d%s", e.Queue, e.Backlog, e.full()))
	p.Field("listen()", e.listened())
	p.Field("waiters", e.waiters())
	if w := e.Window; w.Samples > 1 {
		p.Field("head", fmt.Sprintf("the same client for %s, in %s", text.Span(w.Observed), looks(int(w.Samples))))
	}
	if since, known := e.CountedSince.Get(); known {
		p.Field("counted", fmt.Sprintf("%s, in %s", e.counts(), text.Span(e.At.Sub(since))))
	}
	if n, known := e.Dropped.Get(); known && n > 0 {
		p.Field("dropped", fmt.Sprintf("%d since its listen()", n))
	}
}

// counts are those that the tier knows.
func (e explanation) counts() string {
	var known []string
	for _, c := range []struct {
		what string
		n    listener.Maybe[uint64]
	}{
		{"SYNs", e.SYNs.Maybe()},
		{"chosen by the group's hash", e.Selected.Maybe()},
		{"queued", e.Queued.Maybe()},
		{"accepted", e.Accepted.Maybe()},
		{"taken over", e.Adopted.Maybe()},
	} {
		if n, ok := c.n.Get(); ok {
			known = append(known, fmt.Sprintf("%d %s", n, c.what))
		}
	}
	return strings.Join(known, ", ")
}

func (e explanation) full() string {
	if e.Queue > e.Backlog {
		return ": full, the kernel drops who comes now"
	}
	return ""
}

func (e explanation) listened() string {
	at, known := e.ListenedAt.Get()
	if !known {
		return "before reusewatch looked: when, and by whom, is not known"
	}
	s := fmt.Sprintf("called %s ago", text.Span(e.At.Sub(at)))
	if c, known := e.Caller.Get(); known {
		s += fmt.Sprintf(" by %s pid %d, uid %d%s", text.Dash(text.Printable(c.Comm)), c.PID, c.UID, chain(c.Parents))
		s += text.After("; ", sentence.Privileges(e.Listener))
	}
	return s
}

// chain is " < parent 12 < grandparent 1".
func chain(parents []listener.Parent) string {
	var b strings.Builder
	for _, p := range parents {
		fmt.Fprintf(&b, " < %s %d", text.Dash(text.Printable(p.Comm)), p.PID)
	}
	return b.String()
}

func (e explanation) waiters() string {
	switch {
	case !e.WaitersKnown:
		return "not looked at"
	case len(e.Waiters) == 0:
		return "none: nobody waits for its clients, by accept(), poll, epoll or io_uring"
	}
	all := make([]string, len(e.Waiters))
	for i, w := range e.Waiters {
		s := string(w.Kind)
		if w.PID != 0 {
			s += fmt.Sprintf(" by pid %d", w.PID)
		} else if len(w.Holders) > 0 {
			s += fmt.Sprintf(" of pid %s", strings.Trim(fmt.Sprint(w.Holders), "[]"))
		}
		if w.Kind == listener.WaitEpoll {
			s += fmt.Sprintf(", %d asleep behind it", w.Sleepers)
		}
		if !w.Armed {
			s += ", disarmed"
		}
		if w.Ready {
			s += ", an event nobody fetched"
		}
		all[i] = s
	}
	return strings.Join(all, "; ")
}

func orUnknown(known bool, s string) string {
	if !known {
		return "not known"
	}
	return s
}

// others are one line each, with the name that explains that one.
func (e explanation) others(p *text.Page) {
	if len(e.Others) == 0 {
		return
	}
	p.Section("ALSO BY THAT NAME")
	t := p.Table()
	for i := range e.Others {
		o := &e.Others[i]
		t.Row("cookie:"+o.Cookie.String(), text.Dash(string(o.Verdict)), o.Local.String(), "netns "+netns(o.Listener),
			fmt.Sprintf("queue %d", o.Queue), pids(o)+" "+command(o))
	}
	t.Flush()
}
