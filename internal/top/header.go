package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/text"
)

// segments draws as many as fit whole, the first in any case, and right at the
// right edge if it has room.
func (m *model) segments(all []styled, right []styled) string {
	l := m.line()
	room := l.left
	for _, s := range right {
		room -= text.Width(s.text) + 2
	}
	if room < min(20, m.width) {
		room, right = l.left, nil
	}
	used := 0
	for i, s := range all {
		if s.text == "" {
			continue
		}
		w := text.Width(s.text)
		if i > 0 {
			w += 2
		}
		if i > 0 && used+w > room {
			break
		}
		if i > 0 {
			l.space(2)
		}
		l.put(s.role, fit(s.text, room, m.glyphs.ellipsis))
		used += w
	}
	if len(right) > 0 {
		gap := l.left
		for i, s := range right {
			gap -= text.Width(s.text)
			if i > 0 {
				gap -= 2
			}
		}
		l.space(gap)
		for i, s := range right {
			if i > 0 {
				l.space(2)
			}
			l.put(s.role, s.text)
		}
	}
	return l.String()
}

// header is at most n lines: the most important ones.
func (m *model) header(n int) []string {
	lines := []string{m.identity(), m.counts(n == 1), m.costs()}
	switch {
	case n <= 0:
		return nil
	case n == 1:
		return lines[1:2]
	default:
		return lines[:min(n, 3)]
	}
}

func (m *model) clock() []styled {
	var out []styled
	if m.paused {
		out = append(out, styled{badge, "PAUSED"})
	}
	if m.lost != "" {
		out = append(out, styled{badge, "LOST"})
	}
	if m.table == nil {
		return out
	}
	at := m.table.frame.Time.Add(m.since())
	return append(out, styled{plain, at.Format(time.TimeOnly)})
}

func (m *model) identity() string {
	all := []styled{{strong, "reusewatch top"}}
	if m.table != nil {
		f := m.table.frame
		all = append(all,
			styled{accent, m.glyphs.text(f.Host.Name)},
			styled{plain, string(f.Tier) + " tier"},
			styled{dim, m.glyphs.text(m.from)},
			styled{dim, "Linux " + m.glyphs.text(f.Host.Kernel)},
		)
	}
	return m.segments(all, m.clock())
}

// counts are what it is all about.
func (m *model) counts(withClock bool) string {
	if m.table == nil {
		return m.segments([]styled{{dim, m.waitingFor()}}, nil)
	}
	s := &m.table.sums
	stuck := styled{good, "none stuck"}
	if s.stuck > 0 {
		stuck = styled{badge, fmt.Sprintf(" %d STUCK ", s.stuck)}
		if !m.theme.any {
			stuck.text = strings.TrimSpace(stuck.text)
		}
	}
	all := []styled{stuck}
	if s.suspect > 0 {
		all = append(all, styled{warn, fmt.Sprintf("%d suspect", s.suspect)})
	}
	if s.slow > 0 {
		all = append(all, styled{warn, fmt.Sprintf("%d slow", s.slow)})
	}
	waiting := styled{plain, plural(s.waiting, "client") + " waiting"}
	if s.stuck > 0 {
		waiting.role = bad
	}
	all = append(all, waiting,
		styled{plain, s.came.rate() + " connections/s"},
		styled{plain, plural(uint64(len(m.table.frame.Listeners)), "listener")},
		styled{plain, plural(uint64(m.table.real), "group")},
	)
	if withClock {
		return m.segments(all, m.clock())
	}
	return m.segments(all, nil)
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (m *model) waitingFor() string {
	if m.lost != "" {
		return m.glyphs.text(m.lost)
	}
	return m.glyphs.words("waiting for the first frame…")
}

// costs is what looking costs, and how the list is shown; or that nothing comes.
func (m *model) costs() string {
	if m.lost != "" && m.table != nil {
		ago := wholeSeconds(max(0, m.now.Sub(m.came)))
		return m.segments([]styled{{warn, fmt.Sprintf("no frame for %s: %s", ago, m.glyphs.text(m.lost))}}, nil)
	}
	var right []styled
	if m.view.Sort != Worst {
		right = append(right, styled{accent, "sort: " + string(m.view.Sort)})
	}
	if m.view.Filter != "" && !m.typing {
		right = append(right, styled{accent, "filter: " + fit(m.view.Filter, 20, m.glyphs.ellipsis)})
	}
	o := &m.history.own
	cpu := "-"
	if v, known := o.cpu.Get(); known {
		cpu = fmt.Sprintf("%.1f%%", 100*v)
	}
	event := "-"
	if v, known := o.perEvent.Get(); known {
		event = fmt.Sprintf("%d ns", v.Nanoseconds())
	}
	rss := "-"
	if v, known := o.rss.Get(); known {
		rss = text.Bytes(v)
	}
	return m.segments([]styled{
		{dim, "own cost: CPU " + cpu}, {dim, "BPF " + event + " an event"}, {dim, "memory " + rss},
	}, right)
}
