package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// NewStream writes one line an event, for a person or a journal.
func NewStream(w io.Writer) wire.Stream { return stream{w} }

type stream struct{ w io.Writer }

func (s stream) Write(e wire.Event) error {
	_, err := fmt.Fprintf(s.w, "%s %-10s %s\n", e.Time.Format(time.DateTime), e.Kind, describe(e))
	if err != nil {
		return fmt.Errorf("write event %s: %w", e.Kind, err)
	}
	return nil
}

func describe(e wire.Event) string {
	if e.Kind == wire.Ready {
		return fmt.Sprintf("watching %d listeners, %s tier", e.Count, e.Tier)
	}
	if e.Kind == wire.Dropped {
		return fmt.Sprintf("%d events were left out: nobody took them", e.Count)
	}
	j := e.Listener
	var b strings.Builder
	fmt.Fprintf(&b, "%s cookie %s", j.Local, j.Cookie)
	if j.NetnsName != "" {
		fmt.Fprintf(&b, " netns %s", text.Printable(j.NetnsName))
	}
	if e.Kind == wire.Stuck {
		fmt.Fprintf(&b, ": %s: %s", j.Cause, sentence.Stuck(j))
		return b.String()
	}
	if e.Kind == wire.Found {
		return b.String() + ": " + foundText(j)
	}
	if who := who(j.Listener); who != "" {
		fmt.Fprintf(&b, ", %s", who)
	}
	if e.Kind == wire.Suspect || e.Kind == wire.Held {
		fmt.Fprintf(&b, ": %d of %d wait, the oldest for %s", j.Queue, j.Backlog, Ago(j.OldestWait.Maybe()))
	}
	switch {
	case e.Kind == wire.Held && j.Decision.Act == listener.Observe:
		b.WriteString("; would be killed (--action kill)")
	case e.Kind == wire.Held:
		fmt.Fprintf(&b, "; held: %s", text.Join(j.Decision.Reasons, ", "))
	case e.Kind == wire.Acting && e.Act.Action == listener.Close:
		fmt.Fprintf(&b, "; close it, pid %d stays; clients: %s", e.Act.Owner.PID, e.Act.Rescue)
	case e.Kind == wire.Acting:
		fmt.Fprintf(&b, "; kill pid %d, listeners that go with it: %d; clients: %s", e.Act.Owner.PID, len(e.Act.Listeners), e.Act.Rescue)
	case e.Kind == wire.Acted:
		fmt.Fprintf(&b, "; gone by %s after %d ms%s", e.Act.Method, e.Act.Took.Milliseconds(), rescued(e.Act))
	case e.Kind == wire.ActFailed:
		fmt.Fprintf(&b, "; %s", e.Act.Failure)
	}
	return b.String()
}

// foundText says what is found about a listener, or that nothing is any more.
func foundText(j *listener.Judgement) string {
	var all []string
	if j.Superseded != nil {
		all = append(all, "superseded: "+sentence.Superseded(j))
	}
	if j.Mixed != nil {
		all = append(all, "mixed: "+sentence.Mixed(j.Mixed))
	}
	if len(all) == 0 {
		return "no finding any more"
	}
	return strings.Join(all, " ")
}

// rescued says what became of the clients that waited.
func rescued(a *listener.Act) string {
	moved, known := a.Rescued.Get()
	if !known {
		return "; clients: " + a.Rescue
	}
	s := fmt.Sprintf("; %s rescued", text.Plural(moved, "client"))
	if stale := a.Stale.Or(0); stale > 0 {
		s += fmt.Sprintf(", %s had gone and were let go", text.Thousands(uint32(stale)))
	}
	return s
}

// who names the owners: the first, and how many more there are.
func who(l *listener.Listener) string {
	switch {
	case len(l.Owners) == 0 && l.OwnersKnown:
		return "unowned"
	case len(l.Owners) == 0:
		return ""
	}
	o := &l.Owners[0]
	s := fmt.Sprintf("%s pid %d", text.Printable(o.Comm), o.PID)
	if o.User != "" {
		s += " user " + text.Printable(o.User)
	}
	s += text.After(" in ", sentence.InContainer(o.Container))
	if more := len(l.Owners) - 1; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
