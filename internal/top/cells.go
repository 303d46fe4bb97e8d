package top

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// count prints a whole number in at most five places.
func count(n uint64) string {
	switch {
	case n < 100_000:
		return strconv.FormatUint(n, 10)
	case n < 10_000_000:
		return fmt.Sprintf("%dk", n/1000)
	case n < 10_000_000_000:
		return fmt.Sprintf("%dM", n/1_000_000)
	default:
		return fmt.Sprintf("%dG", n/1_000_000_000)
	}
}

// rate prints how often in a second, "-" where it is not known.
func rate(r listener.Maybe[float64]) string {
	v, known := r.Get()
	switch {
	case !known:
		return "-"
	case v == 0:
		return "0"
	case v < 0.05:
		return "<0.1"
	case v < 9.95:
		return fmt.Sprintf("%.1f", v)
	default:
		return count(uint64(v + 0.5))
	}
}

func (t *total) rate() string {
	if !t.known {
		return "-"
	}
	s := rate(listener.Known(t.sum))
	if t.unknown {
		s = ">" + s
	}
	return s
}

func percent(p listener.Maybe[float64]) string {
	if v, known := p.Get(); known {
		return fmt.Sprintf("%.0f%%", 100*v)
	}
	return "-"
}

// verdict is how the list calls one: what is stuck is in capitals, for those
// who see no colour.
func verdict(v listener.Verdict) (role, string) {
	switch v {
	case listener.Stuck:
		return badge, "STUCK"
	case listener.Suspect, listener.Slow:
		return warn, string(v)
	case listener.Accepting:
		return good, string(v)
	case listener.NoVerdict:
		return dim, "-"
	default:
		return dim, string(v)
	}
}

// marks stand at the left edge.
func mark(rank int) string {
	switch rank {
	case rankStuck:
		return "!"
	case rankSuspect:
		return "?"
	case rankSlow:
		return "~"
	default:
		return " "
	}
}

func rankRole(rank int) role {
	switch rank {
	case rankStuck:
		return bad
	case rankSuspect, rankSlow:
		return warn
	default:
		return plain
	}
}

// queueOf is queue and limit, shortened if it must.
func queueOf(queue, backlog uint64, width int) string {
	if s := fmt.Sprintf("%d/%d", queue, backlog); len(s) <= width {
		return s
	}
	return thousands(queue) + "/" + thousands(backlog)
}

func thousands(n uint64) string {
	if n < 10_000 {
		return strconv.FormatUint(n, 10)
	}
	return count(n/1000) + "k"
}

// decision says in a few words what the gate answered; since is how long ago.
func decision(j *listener.Judgement, policy wire.Thresholds, since time.Duration) string {
	d := j.Decision
	if d == nil {
		return ""
	}
	act, would := string(policy.Action), ""
	if policy.Action == listener.Observe || act == "" {
		act, would = "kill", "would "
	}
	holds := make([]listener.Reason, 0, len(d.Reasons))
	soon := false
	for _, r := range d.Reasons {
		switch {
		case r == listener.NotArmed:
			would = "would "
		case r == listener.TooSoon && j.Stands():
			soon = true
		default:
			holds = append(holds, r)
		}
	}
	switch {
	case len(holds) > 1:
		return fmt.Sprintf("held: %s +%d", holds[0], len(holds)-1)
	case len(holds) == 1:
		return fmt.Sprintf("held: %s", holds[0])
	case soon:
		left := policy.For(j.Class) - report.Stood(j) - since
		return fmt.Sprintf("%s%s in %s", would, act, wholeSeconds(max(0, left)))
	case would == "":
		return act + " now"
	default:
		return would + act
	}
}

// wholeSeconds is text.Short without tenths.
func wholeSeconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.0fs", d.Seconds())
	}
	return text.Short(d)
}

// finding stands where a cause would: of one that accepts, in a word.
func finding(j *listener.Judgement) string {
	if found := j.Findings(); len(found) > 0 {
		return string(found[0])
	}
	return ""
}

// where is the container of its owner, or else its network namespace.
func (g *glyphs) where(j *listener.Judgement) string {
	if o := ownerOf(j); o != nil && o.Container != nil {
		return g.text(sentence.ContainerName(o.Container))
	}
	return g.netns(j)
}

func (g *glyphs) netns(j *listener.Judgement) string {
	if j.NetnsName != "" {
		return g.text(j.NetnsName)
	}
	return strconv.FormatUint(uint64(j.Netns), 10)
}

// more is " +2" where there are other owners.
func more(j *listener.Judgement) string {
	if n := len(j.Owners) - 1; n > 0 {
		return fmt.Sprintf(" +%d", n)
	}
	return ""
}

func (g *glyphs) command(j *listener.Judgement, width int) string {
	o := ownerOf(j)
	switch {
	case o == nil && j.OwnersKnown:
		return "(unowned)"
	case o == nil:
		return "-"
	}
	others := more(j)
	return fit(g.comm(o), width-len(others), g.ellipsis) + others
}

func (g *glyphs) comm(o *listener.Owner) string {
	if o.Comm == "" {
		return "-"
	}
	return g.text(o.Comm)
}

func (g *glyphs) user(j *listener.Judgement) string {
	o := ownerOf(j)
	switch {
	case o == nil:
		return "-"
	case o.User != "":
		return g.text(o.User)
	default:
		return strconv.FormatUint(uint64(o.UID), 10)
	}
}

func (g *glyphs) cmdline(j *listener.Judgement, width int) string {
	o := ownerOf(j)
	if o == nil || len(o.Cmdline) == 0 {
		return "-"
	}
	s := strings.Join(o.Cmdline, " ")
	// A rune has at most four bytes: what follows can never show.
	return g.text(s[:min(len(s), 4*width)])
}

// firstReason is the first that holds but for what is not armed; "" for none.
func firstReason(j *listener.Judgement) listener.Reason {
	if j.Decision != nil {
		for _, r := range j.Decision.Reasons {
			if r != listener.NotArmed {
				return r
			}
		}
	}
	return ""
}
