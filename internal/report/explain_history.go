package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// moment is one thing that happened.
type moment struct {
	at   time.Time
	what string
}

// moments are what is known to have happened, in order.
func (e *Explanation) moments() []moment {
	var ms []moment
	add := func(at time.Time, format string, args ...any) {
		if !at.IsZero() {
			ms = append(ms, moment{at, fmt.Sprintf(format, args...)})
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
	slices.SortStableFunc(ms, func(a, b moment) int { return a.at.Compare(b.at) })
	return ms
}

// siblings adds what the rest of the group did last: a younger process there
// tells of a reload.
func (e *Explanation) siblings(add func(time.Time, string, ...any)) {
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

func (e *Explanation) owns(pid int) bool {
	return slices.ContainsFunc(e.Owners, func(o listener.Owner) bool { return o.PID == pid })
}

func (e *Explanation) history(p *text.Page) {
	p.Section("TIMELINE")
	for _, m := range e.moments() {
		since := "now"
		if d := e.At.Sub(m.at); d >= time.Second {
			since = text.Span(d) + " ago"
		}
		p.Paragraph(fmt.Sprintf("%s%s %15s  ", text.Indent, m.at.Format(time.DateTime), since), m.what)
	}
}

// What a liveness probe does unless it is told otherwise; see the reference of
// Kubernetes' Probe.
const (
	probePeriod    = 10 * time.Second
	probeThreshold = 3
)

// probe is how long a liveness probe takes to notice.
type probe struct {
	share  float64 // of new connections that land here
	shared bool    // measured; else 1 of the members
	probes float64 // on average, up to three failures in a row
}

func (pr probe) expected() time.Duration {
	const longest = 1 << 62 // 146 years: "never" is as good
	return time.Duration(min(pr.probes*float64(probePeriod), longest))
}

// probe is unknown unless something is wrong.
func (e *Explanation) probe() (probe, bool) {
	if e.Verdict != listener.Stuck && e.Verdict != listener.Suspect {
		return probe{}, false
	}
	pr := probe{share: 1}
	if e.GroupSize > 1 {
		pr.share = 1 / float64(e.GroupSize)
	}
	// That none landed here in the last minute says little of the next ones.
	if share, known := e.Share.Get(); known && share > 0 {
		pr.share, pr.shared = share, true
	}
	// The mean wait for a run of 3 of probability p: (1/p³ - 1) / (1 - p).
	p := pr.share
	pr.probes = (1 + p + p*p) / (p * p * p)
	return pr, true
}

func (e *Explanation) probes(p *text.Page) {
	pr, known := e.probe()
	if !known {
		return
	}
	p.Section("PROBES")
	part := fmt.Sprintf("1 of %d members", e.GroupSize)
	switch {
	case pr.shared:
		part = "as measured"
	case pr.share == 1:
		part = "there is no other member"
	}
	p.Field("HTTP", fmt.Sprintf("a liveness probe every %.0f s lands here %.0f %% of the time (%s): until %d in a row fail, Kubernetes' defaults, %s pass on average, and then the whole container is restarted",
		probePeriod.Seconds(), 100*pr.share, part, probeThreshold, text.Span(pr.expected())))
	tcp := "never notices: the kernel completes the handshake for a queue that nobody reads, until it is full"
	if e.Queue > e.Backlog {
		tcp = "notices only now that the queue is full: until then the kernel completed its handshake"
	}
	p.Field("TCP", tcp)
}
