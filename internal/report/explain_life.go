package report

import (
	"fmt"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// waitKinds are the waits shown of one process, unless everything is asked for.
const waitKinds = 6

// signs has a line for each sign of life, and what else the act rests on.
func (e explanation) signs(p *text.Page, wide bool) {
	if len(e.Signs) == 0 {
		return
	}
	title := "SIGNS OF LIFE"
	o, culprit := e.CulpritOwner()
	if culprit {
		title += fmt.Sprintf(" of pid %d", o.PID)
	} else if len(e.Owners) > 1 {
		title += " of all owners together"
	}
	p.Section(title)
	for i := range e.Signs {
		s := &e.Signs[i]
		p.Paragraph(fmt.Sprintf("%s%-16s  %-9s  ", text.Indent, s.Sign, yesNo(s.Alive, "alive", "none")), text.Printable(s.Value))
	}
	if culprit && o.Evidence != nil {
		e.life(p, o, wide)
	}
}

// life says for how long the culprit has done nothing, and what its threads wait for.
func (e explanation) life(p *text.Page, o *listener.Owner, wide bool) {
	l, known := o.Evidence.Life.Get()
	if !known {
		p.Field("waits", "not known: it was not looked at twice")
		return
	}
	p.Field("inert", inert(&l))
	name := "waits"
	for i := range l.Waits {
		if i == waitKinds && !wide {
			p.Field("", fmt.Sprintf("… and %s more (-o wide)", text.Plural(len(l.Waits)-i, "wait")))
			break
		}
		p.Field(name, waitLine(&l.Waits[i]))
		name = ""
	}
	if len(l.Waits) == 0 {
		p.Field("waits", "not known")
	}
	if more := besides(&l); more != "" {
		p.Field("beside", more)
	}
}

func inert(l *listener.Life) string {
	d, known := l.Inert.Get()
	switch {
	case !known:
		return "not known: not all of its threads were told of, or the kernel does not count time slices"
	case d == 0:
		return fmt.Sprintf("no: it got %s in %s, or a thread of it is runnable or waits for something else than before",
			text.Plural(int(l.Slices), "time slice"), text.Precise(l.Followed))
	default:
		return fmt.Sprintf("for %s: no thread of it got a time slice, none is runnable, each stands in the same wait", text.Precise(d))
	}
}

// waitLine says what threads wait for, and whether that is a dead end.
func waitLine(w *listener.Wait) string {
	s := fmt.Sprintf("%s for %s", text.Plural(w.Threads, "thread"), sentence.Wait(w))
	var where []string
	for _, part := range []string{w.Call, w.Wchan} {
		if part != "" && w.For != listener.ForUnknown {
			where = append(where, text.Printable(part))
		}
	}
	s += text.After(" [", strings.Join(where, ", "))
	if len(where) > 0 {
		s += "]"
	}
	if w.Still > 0 {
		s += fmt.Sprintf("; nothing was taken from it for %s", text.Precise(w.Still))
	}
	if w.DeadEnd() {
		return s + ": a dead end"
	}
	return s
}

// besides is what keeps a process from being at a dead end, whatever its threads wait
// for.
func besides(l *listener.Life) string {
	var all []string
	if l.Children > 0 {
		children := "living children"
		if l.Children == 1 {
			children = "living child"
		}
		all = append(all, fmt.Sprintf("%d %s", l.Children, children))
	}
	for _, has := range []struct {
		it   listener.Maybe[bool]
		what string
	}{
		{l.Timers, "an armed timer"}, {l.Async, "a descriptor with O_ASYNC"}, {l.SharesMemory, "another process that shares its memory"},
		{l.Rings, "an io_uring"},
	} {
		switch it, known := has.it.Get(); {
		case !known:
			all = append(all, "maybe "+has.what)
		case it:
			all = append(all, has.what)
		}
	}
	return strings.Join(all, ", ")
}
