package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
)

// What is shown unless everything is asked for.
const (
	ownersFull   = 3   // owners with all their fields
	ownersNamed  = 12  // owners with a line
	threadKinds  = 5   // kinds of threads, by what they do
	stacksShown  = 3   // of which this many with a stack
	framesShown  = 8   // of this many functions
	cmdlineShown = 200 // characters
)

func (e explanation) owners(p *text.Page, wide bool) {
	p.Section("OWNERS")
	switch {
	case len(e.Owners) == 0 && e.OwnersKnown:
		p.Paragraph(text.Indent, "No process has a descriptor of it.")
	case len(e.Owners) == 0:
		p.Paragraph(text.Indent, "Not known.")
	}
	order := make([]*listener.Owner, 0, len(e.Owners))
	for i := range e.Owners {
		order = append(order, &e.Owners[i])
	}
	// The culprit first.
	slices.SortStableFunc(order, func(a, b *listener.Owner) int {
		return -cmp.Compare(b2i(a.PID == e.Culprit), b2i(b.PID == e.Culprit))
	})
	for i, o := range order {
		if i == ownersNamed && !wide {
			p.Paragraph(text.Indent, fmt.Sprintf("… and %d more (-o wide)", len(order)-i))
			break
		}
		p.Paragraph(text.Indent, e.ownerLine(o))
		if i < ownersFull || wide {
			e.owner(p, o, wide)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e explanation) ownerLine(o *listener.Owner) string {
	s := fmt.Sprintf("%s pid %d, %s, state %s", text.Dash(text.Printable(o.Comm)), o.PID, sentence.User(o), text.Dash(text.Printable(o.State)))
	if o.Wchan != "" {
		s += " in " + text.Printable(o.Wchan)
	}
	if !o.Started.IsZero() {
		s += fmt.Sprintf(", started %s ago", text.Span(e.At.Sub(o.Started)))
	}
	if o.PID == e.Culprit {
		s += ": the culprit"
	}
	return s
}

func (e explanation) owner(p *text.Page, o *listener.Owner, wide bool) {
	field := p.Subfield
	cmdline := []rune(text.Printable(strings.Join(listener.Clip(o.Cmdline), " ")))
	if len(cmdline) > cmdlineShown && !wide {
		cmdline = append(cmdline[:cmdlineShown], '…')
	}
	field("command", text.Dash(string(cmdline)))
	field("program", text.Dash(text.Printable(o.Exe)))
	if o.NSPID != 0 && o.NSPID != o.PID {
		field("inner pid", fmt.Sprint(o.NSPID))
	}
	if o.Container != nil {
		field("container", sentence.Container(o.Container))
	}
	if o.Tracer != 0 {
		field("tracer", fmt.Sprintf("pid %d%s", o.Tracer, sentence.Tracer(o)))
	}
	field("holds", held(o))
	ev := o.Evidence
	if ev == nil {
		field("threads", "not looked at")
		return
	}
	if ev.Unreadable {
		field("/proc", "hangs whoever reads of it, or did not answer in time: what only that tells is not known")
	}
	field("parents", text.Dash(strings.TrimPrefix(chain(ev.Parents), " < ")))
	field("epoll", yesNo(ev.Registered, "the listener is in an epoll set of it", "the listener is in no epoll set of it"))
	if full, known := ev.FilesFull.Get(); known && full {
		field("files", "at its limit: it can open no further descriptor, so it cannot accept")
	}
	if frozen, known := ev.Frozen.Get(); known && frozen {
		field("cgroup", "frozen: "+text.Dash(text.Printable(o.Cgroup)))
	}
	if h, known := ev.Holds.Get(); known {
		field("beside it", holds(&h))
	}
	for _, l := range ev.Locks.Or(nil) {
		field("lock", fmt.Sprintf("it waits for a lock on a file (%s) that pid %d holds", text.Printable(l.Kind), l.Holder))
	}
	field("usage", e.usage(ev))
	threads(p, ev, wide)
}

func held(o *listener.Owner) string {
	s := "the listener as descriptor " + maybeInt(o.FD)
	if n, known := o.Connections.Get(); known {
		s += fmt.Sprintf(", and %d accepted connections of this port", n)
	}
	if elsewhere, known := o.AcceptedElsewhere.Get(); known && elsewhere {
		s += "; it holds connections of another port it listens on"
	}
	return s
}

// holds says what a process has beside the listener.
func holds(h *listener.Holds) string {
	var all []string
	for _, thing := range []struct {
		n    int
		what string
	}{
		{h.Listeners - 1, "TCP listener"}, {h.Connections, "TCP connection"}, {h.UDP, "UDP socket"}, {h.UnixListeners, "unix listener"},
		{h.Unix - h.UnixListeners, "unix socket"}, {h.Pipes, "pipe"}, {h.EpollSets, "epoll set"}, {h.Rings, "io_uring"},
	} {
		if thing.n > 0 {
			all = append(all, text.Plural(thing.n, thing.what))
		}
	}
	return text.Dash(strings.Join(all, ", "))
}

func maybeInt(n listener.Maybe[int]) string {
	if v, known := n.Get(); known {
		return fmt.Sprint(v)
	}
	return "-"
}

func yesNo(b listener.Maybe[bool], yes, no string) string {
	switch v, known := b.Get(); {
	case !known:
		return "not known"
	case v:
		return yes
	default:
		return no
	}
}

func (e explanation) usage(ev *listener.Evidence) string {
	u, known := ev.Usage.Get()
	switch {
	case !known && e.Watched && e.Verdict != listener.Suspect && e.Verdict != listener.Stuck:
		return "not measured: it is not suspected"
	case !known:
		return "not measured: " + e.longer()
	}
	s := fmt.Sprintf("in %s: %.2f s user, %.2f s system, I/O %s, sockets %s, %d major faults, %.0f %% of the time waiting for a CPU",
		text.Span(u.Over), u.User.Seconds(), u.System.Seconds(), text.Bytes(u.IOBytes), text.Bytes(u.SocketBytes), u.MajorFaults, 100*u.RunnableWait)
	if u.Throttled {
		s += ", its CPU quota used up"
	}
	switch {
	case u.Starved():
		return s + ": starved"
	case u.Spinning():
		return s + ": it spins"
	case u.Progress():
		return s + ": it makes progress"
	default:
		return s + ": no progress"
	}
}

// threadKind are threads that do the same.
type threadKind struct {
	first listener.Thread
	tids  []int
	rank  int
}

// threads shows them by what they do: the leader, then those that need an
// explanation before those that sleep as servers do.
func threads(p *text.Page, ev *listener.Evidence, wide bool) {
	kinds := make([]*threadKind, 0, len(ev.Threads))
	find := make(map[string]*threadKind)
	for i, t := range ev.Threads {
		key := t.State + " " + t.Wchan
		if wide || i == 0 {
			key = fmt.Sprint(t.TID)
		}
		k := find[key]
		if k == nil {
			k = &threadKind{first: t, rank: threadRank(&t, i == 0)}
			find[key] = k
			kinds = append(kinds, k)
		}
		k.tids = append(k.tids, t.TID)
	}
	slices.SortStableFunc(kinds, func(a, b *threadKind) int { return cmp.Compare(a.rank, b.rank) })
	name := "thread"
	switch {
	case ev.Total == 0:
		p.Subfield("threads", "not looked at")
	case ev.Total > 1:
		p.Subfield("threads", fmt.Sprintf("%d:", ev.Total))
		name = ""
	}
	rest := ev.Total
	for i, k := range kinds {
		if i == threadKinds && !wide {
			break
		}
		rest -= len(k.tids)
		p.Subfield(name, k.line())
		name = ""
		if len(k.first.Stack) > 0 && (i < stacksShown || wide) {
			p.Subfield("", stackOf(&k.first, wide))
		}
	}
	if rest > 0 {
		p.Subfield("", fmt.Sprintf("… and %d more%s", rest, orWide(wide)))
	}
}

// orWide says how to see more, unless that is all.
func orWide(wide bool) string {
	if wide {
		return ""
	}
	return " (-o wide)"
}

func threadRank(t *listener.Thread, leader bool) int {
	switch {
	case leader:
		return 0
	case t.State == "D":
		return 1
	case t.State == "R":
		return 2
	case t.State != "S":
		return 3
	case strings.Contains(t.Wchan, "poll"):
		return 5
	default:
		return 4
	}
}

func (k *threadKind) line() string {
	t := &k.first
	s := fmt.Sprintf("%d %s: %s", t.TID, text.Dash(text.Printable(t.Comm)), text.Dash(text.Printable(t.State)))
	if t.Wchan != "" {
		s += " in " + text.Printable(t.Wchan)
	}
	if more := len(k.tids) - 1; more > 0 {
		s += fmt.Sprintf(", and %d like it", more)
	}
	return s
}

func stackOf(t *listener.Thread, wide bool) string {
	frames := t.Stack
	if len(frames) > framesShown && !wide {
		frames = append(slices.Clone(frames[:framesShown]), "…")
	}
	return "stack: " + text.Printable(strings.Join(frames, " < "))
}
