// Package report tells people of judgements, in prose: tables, explanations, events, the line
// of a check.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// column is one of the table.
type column struct {
	title string
	value func(*listener.Judgement) string
}

func narrow() []column {
	return []column{
		{"VERDICT", func(j *listener.Judgement) string { return text.Dash(string(j.Verdict)) }},
		{"LOCAL", func(j *listener.Judgement) string { return j.Local.String() }},
		{"NETNS", func(j *listener.Judgement) string { return netns(j.Listener) }},
		{"MEMBERS", members},
		{"QUEUE", func(j *listener.Judgement) string { return fmt.Sprintf("%d/%d", j.Queue, j.Backlog) }},
		{"OLDEST", func(j *listener.Judgement) string { return Ago(j.OldestWait.Maybe()) }},
		{"PID", pids},
		{"COMMAND", command},
		{"USER", user},
	}
}

func wide() []column {
	return append(narrow(),
		column{"FINDINGS", func(j *listener.Judgement) string { return text.Dash(Findings(j)) }},
		column{"COOKIE", func(j *listener.Judgement) string { return j.Cookie.String() }},
		column{"CONTAINER", container},
		column{"PROTO", func(j *listener.Judgement) string { return string(j.Protocol()) }},
		column{"WAITERS", waiters},
		column{"SYNS", func(j *listener.Judgement) string { return number(j.SYNs.Maybe()) }},
		column{"QUEUED", func(j *listener.Judgement) string { return number(j.Queued.Maybe()) }},
		column{"ACCEPTED", func(j *listener.Judgement) string { return number(j.Accepted.Maybe()) }},
		column{"DROPPED", func(j *listener.Judgement) string { return number(j.Dropped.Maybe()) }},
		column{"CMDLINE", cmdline},
	)
}

// TableDetail is how much a table shows.
type TableDetail struct {
	Wide    bool
	Of      []listener.Judgement // what the table was chosen from; its last line counts these
	Watched bool                 // else it was one look
}

// Table writes listeners for a terminal, and a last line that says how many are
// suspected or stuck, and what to do next.
func Table(w io.Writer, js []listener.Judgement, d TableDetail) error {
	shown := narrow()
	if d.Wide {
		shown = wide()
	}
	var aligned text.Columns
	titles := make([]string, len(shown))
	for i, c := range shown {
		titles[i] = c.title
	}
	aligned.Row(titles...)
	for i := range js {
		cells := make([]string, len(shown))
		for k, c := range shown {
			cells[k] = c.value(&js[i])
		}
		aligned.Row(cells...)
	}
	for line := range aligned.Lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w, summary(d.Of, d.Watched)); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// Ago prints a wait for a column of a table.
func Ago(d listener.Maybe[time.Duration]) string {
	if v, known := d.Get(); known {
		return text.Short(v)
	}
	return "-"
}

func number(n listener.Maybe[uint64]) string {
	if v, known := n.Get(); known {
		return fmt.Sprint(v)
	}
	return "-"
}

func netns(l *listener.Listener) string {
	if l.NetnsName != "" {
		return text.Printable(l.NetnsName)
	}
	return fmt.Sprint(l.Netns)
}

func members(j *listener.Judgement) string {
	if j.Group == 0 || !j.Reuseport {
		return "-"
	}
	return fmt.Sprint(j.GroupSize)
}

func pids(j *listener.Judgement) string {
	return owners(j, func(o *listener.Owner) string { return fmt.Sprint(o.PID) })
}

func command(j *listener.Judgement) string {
	if j.OwnersKnown && len(j.Owners) == 0 {
		return "(unowned)"
	}
	return owners(j, func(o *listener.Owner) string { return text.Dash(text.Printable(o.Comm)) })
}

func user(j *listener.Judgement) string {
	return owners(j, func(o *listener.Owner) string {
		if o.User != "" {
			return text.Printable(o.User)
		}
		return fmt.Sprint(o.UID)
	})
}

func container(j *listener.Judgement) string {
	return owners(j, func(o *listener.Owner) string { return sentence.ContainerName(o.Container) })
}

func cmdline(j *listener.Judgement) string {
	return owners(j, func(o *listener.Owner) string { return text.Printable(strings.Join(listener.Clip(o.Cmdline), " ")) })
}

// owners shows the first owner, and how many more there are.
func owners(j *listener.Judgement, value func(*listener.Owner) string) string {
	if len(j.Owners) == 0 {
		return "-"
	}
	s := value(&j.Owners[0])
	if more := len(j.Owners) - 1; more > 0 {
		s += fmt.Sprintf(" +%d", more)
	}
	return s
}

func waiters(j *listener.Judgement) string {
	if !j.WaitersKnown {
		return "-"
	}
	if len(j.Waiters) == 0 {
		return "none"
	}
	kinds := make([]string, len(j.Waiters))
	for i, w := range j.Waiters {
		kinds[i] = string(w.Kind)
	}
	return strings.Join(kinds, ",")
}
