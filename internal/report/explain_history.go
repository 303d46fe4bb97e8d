package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// moments are what is known to have happened, in order.
func (e explanation) moments() []wire.Moment {
	var ms []wire.Moment
	add := func(at time.Time, format string, args ...any) {
		if !at.IsZero() {
			ms = append(ms, wire.Moment{At: at, What: fmt.Sprintf(format, args...)})
		}
	}
	for i := range min(len(e.Owners), ownersFull) {
		o := &e.Owners[i]
		add(o.Started, "its owner %s pid %d started", text.Dash(text.Printable(o.Comm)), o.PID)
	}
	if at, known := e.ListenedAt.Get(); known {
		add(at, "listen() was called")
	}
	if wait, known := e.OldestWait.Get(); known && e.Queue > 0 {
		add(e.At.Add(-wait), "its oldest client that still waits came")
	}
	if e.Watched {
		add(e.FirstSeen, "reusewatch saw it first")
		if e.Window.Samples > 1 && !e.Window.Since.Equal(e.FirstSeen) {
			add(e.Window.Since, "this client was first seen at the head of the queue")
		}
	}
	if at, known := e.LastAccept.Get(); known {
		add(at, "it last accepted")
	}
	e.siblings(add)
	add(e.At, "the last look")
	slices.SortStableFunc(ms, func(a, b wire.Moment) int { return a.At.Compare(b.At) })
	return ms
}

// siblings adds what the rest of the group did last: a younger process there
// tells of a reload.
func (e explanation) siblings(add func(time.Time, string, ...any)) {
	var youngest *listener.Owner
	var accepted *listener.Judgement
	var last time.Time
	for i := range e.Members {
		m := &e.Members[i]
		if m.Cookie == e.Cookie {
			continue
		}
		for k := range m.Owners {
			if o := &m.Owners[k]; !e.owns(o.PID) && (youngest == nil || o.Started.After(youngest.Started)) {
				youngest = o
			}
		}
		if at, known := m.LastAccept.Get(); known && at.After(last) {
			accepted, last = m, at
		}
	}
	if youngest != nil {
		add(youngest.Started, "the youngest other member's %s pid %d started", text.Dash(text.Printable(youngest.Comm)), youngest.PID)
	}
	if accepted != nil {
		add(last, "another member, cookie %s, last accepted", accepted.Cookie)
	}
}

func (e explanation) owns(pid int) bool {
	return slices.ContainsFunc(e.Owners, func(o listener.Owner) bool { return o.PID == pid })
}

func (e explanation) history(p *text.Page) {
	p.Section("TIMELINE")
	for _, m := range e.moments() {
		since := "now"
		if d := e.At.Sub(m.At); d >= time.Second {
			since = text.Span(d) + " ago"
		}
		p.Paragraph(fmt.Sprintf("%s%s %15s  ", text.Indent, m.At.Format(time.DateTime), since), m.What)
	}
}

// What a liveness probe does unless it is told otherwise; see the reference of
// Kubernetes' Probe.
const (
	probePeriod    = 10 * time.Second
	probeThreshold = 3
)

// probe is how long a liveness probe takes to notice; nil unless something is wrong.
func (e explanation) probe() *wire.Probe {
	if e.Verdict != listener.Stuck && e.Verdict != listener.Suspect {
		return nil
	}
	pr := wire.Probe{Share: 1, Period: probePeriod, Threshold: probeThreshold, TCPNotices: e.Queue > e.Backlog}
	if e.GroupSize > 1 {
		pr.Share = 1 / float64(e.GroupSize)
	}
	// That none landed here in the last minute says little of the next ones.
	if share, known := e.Share.Get(); known && share > 0 {
		pr.Share, pr.Measured = share, true
	}
	// The mean wait for a run of 3 of probability p: (1/p³ - 1) / (1 - p).
	p := pr.Share
	pr.Probes = (1 + p + p*p) / (p * p * p)
	const longest = 1 << 62 // 146 years: "never" is as good
	pr.Expected = time.Duration(min(pr.Probes*float64(probePeriod), longest))
	return &pr
}

func (e explanation) probes(p *text.Page) {
	pr := e.probe()
	if pr == nil {
		return
	}
	p.Section("PROBES")
	part := fmt.Sprintf("1 of %d members", e.GroupSize)
	switch {
	case pr.Measured:
		part = "as measured"
	case pr.Share == 1:
		part = "there is no other member"
	}
	p.Field("HTTP", fmt.Sprintf("a liveness probe every %.0f s lands here %.0f %% of the time (%s): until %d in a row fail, Kubernetes' defaults, %s pass on average, and then the whole container is restarted",
		probePeriod.Seconds(), 100*pr.Share, part, probeThreshold, text.Span(pr.Expected)))
	tcp := "never notices: the kernel completes the handshake for a queue that nobody reads, until it is full"
	if pr.TCPNotices {
		tcp = "notices only now that the queue is full: until then the kernel completed its handshake"
	}
	p.Field("TCP", tcp)
}
