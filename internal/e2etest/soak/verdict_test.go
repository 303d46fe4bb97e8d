package soak

import (
	"fmt"
	"strings"
	"time"
)

// What is asked for.
const (
	mostLate = 2 * time.Second // that a tick may be
	mostRSS  = 120.0           // MB, after the first minute
	// trendShare and trendMB are how much larger the memory of the last sixth may be than
	// that of the second: garbage is collected when it is, and not by the clock.
	trendShare, trendMB = 0.05, 2.0
)

// figures are what all readings say together.
type figures struct {
	ticks         int
	longest, late time.Duration
	rss           float64
	sixths        [6]float64
}

// figure makes them. The memory while readers were made to leave is in no mean.
func (s *soak) figure(all []reading) figures {
	f := figures{ticks: all[len(all)-1].ticks - all[0].ticks}
	var n [6]int
	for i, r := range all {
		if i > 0 && r.ticks > all[i-1].ticks {
			// Of several ticks between two readings that is more than any one took.
			f.longest = max(f.longest, r.ticking-all[i-1].ticking)
		}
		f.late = max(f.late, r.age)
		after := r.at.Sub(s.began)
		if after > time.Minute {
			f.rss = max(f.rss, r.rss)
		}
		if sixth := int(6 * after / (time.Duration(s.minutes) * time.Minute)); sixth < 6 && !r.settling {
			f.sixths[sixth] += r.rss
			n[sixth]++
		}
	}
	for i := range f.sixths {
		f.sixths[i] /= float64(max(n[i], 1))
	}
	return f
}

// verdict holds all that was measured and done to what is asked for, and tells it.
func (s *soak) verdict() {
	s.t.Helper()
	all := s.meter.readings()
	f := s.figure(all)
	s.judged()
	s.t.Log(s.table(f, all))
	waited := s.agent.Delayed().Round(time.Millisecond)
	if f.late > mostLate {
		s.t.Errorf("TICK: the last one was %s ago when it was asked, and may be %s; its threads waited %s for a CPU in all", f.late, mostLate, waited)
	}
	if f.longest > mostLate {
		s.t.Errorf("TICK: the longest took %s, and may take %s; its threads waited %s for a CPU in all", f.longest, mostLate, waited)
	}
	if f.rss > mostRSS {
		s.t.Errorf("MEMORY: %.1f MB at the most, and may be %.0f MB", f.rss, mostRSS)
	}
	if was, is := f.sixths[1], f.sixths[5]; is > was*(1+trendShare)+trendMB {
		s.t.Errorf("MEMORY: %.1f MB in the second sixth and %.1f MB in the last, which may be %.1f MB", was, is, was*(1+trendShare)+trendMB)
	}
	if s.last.goroutines > s.first.goroutines {
		s.t.Errorf("GOROUTINES: %d after a minute, %d at the end", s.first.goroutines, s.last.goroutines)
	}
	if was, is := s.first.descriptors, s.last.descriptors; is.n() > was.n() {
		s.t.Errorf("DESCRIPTORS: %d after a minute, %d at the end: %s", was.n(), is.n(), is.more(was))
	}
	if failed := s.meter.failures(); len(failed) > 0 {
		s.t.Errorf("SCRAPES: %d of %d failed, the first: %v", len(failed), len(failed)+len(all), failed[0])
	}
	if s.acts.acted+len(s.acts.held) != s.minutes {
		s.t.Errorf("ACTS: %d of %d", s.acts.acted, s.minutes)
	}
	s.busy()
}

// busy holds the host to having been as busy as it was to be.
func (s *soak) busy() {
	s.t.Helper()
	if born, want := s.born(), s.minutes*60*birthsASecond*9/10; born < want {
		s.t.Errorf("BUSY: %d births, and there should be %d", born, want)
	}
	r := s.readers
	for what, n := range map[string]int64{
		"stream": r.streams.Load(), "snapshot": r.snapshots.Load(), "list": r.lists.Load(),
		"stream that was not read and ended": int64(r.mutes.ended["/v1/stream"]), "snapshot that was not read and ended": int64(r.mutes.ended["/v1/snapshot"]),
	} {
		if n == 0 {
			s.t.Errorf("BUSY: there was no %s", what)
		}
	}
}

// table is all of it in lines.
func (s *soak) table(f figures, all []reading) string {
	r := s.readers
	var text strings.Builder
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&text, "\n%-24s %s", what, fmt.Sprintf(format, args...))
	}
	row("minutes", "%d", s.minutes)
	row("ticks", "%d", f.ticks)
	row("longest tick", "%s", f.longest.Round(time.Millisecond))
	row("last tick, most ago", "%s", f.late.Round(time.Millisecond))
	row("waited for a CPU", "%s", s.agent.Delayed().Round(time.Millisecond))
	row("scrapes", "%d, %d failed", len(all), len(s.meter.failures()))
	row("RSS, highest", "%.1f MB", f.rss)
	row("RSS, mean of each sixth", "%.1f MB", f.sixths)
	row("goroutines", "%d after a minute, %d at the end", s.first.goroutines, s.last.goroutines)
	row("descriptors", "%d after a minute, %d at the end", s.first.descriptors.n(), s.last.descriptors.n())
	row("births", "%d", s.born())
	row("readers served", "%d streams, %d snapshots, %d lists", r.streams.Load(), r.snapshots.Load(), r.lists.Load())
	row("readers refused, cut off", "%d, %d", r.refused.Load(), r.cut.Load())
	row("never read, ended", "%v, the longest after %v", r.mutes.ended, r.mutes.longest)
	row("acts", "%d, %d held %q", s.acts.acted, len(s.acts.held), s.acts.held)
	row("clients answered", "%d of %d; %d were moved", s.acts.answered, s.acts.asked, s.acts.moved)
	return text.String()
}
