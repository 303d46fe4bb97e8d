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
	tardy         []string // each reading that found a tick late
	rss           float64
	sixths        [6]float64
}

// figure makes them. The memory while readers were made to leave is in no mean.
func (s *soak) figure(all []reading) figures {
	f := figures{ticks: all[len(all)-1].ticks - all[0].ticks}
	var n [6]int
	for i, r := range all {
		after := r.at.Sub(s.began)
		took := time.Duration(0)
		if i > 0 && r.ticks > all[i-1].ticks {
			// Of several between two readings one took that long at least.
			took = (r.ticking - all[i-1].ticking) / time.Duration(r.ticks-all[i-1].ticks)
		}
		f.longest, f.late = max(f.longest, took), max(f.late, r.age)
		if i > 0 && max(took, r.age) > mostLate {
			f.tardy = append(f.tardy, fmt.Sprintf("after %s: the last one %s ago, one took %s, "+
				"waited %s for a CPU since the reading %s before",
				ms(after), ms(r.age), ms(took), ms(r.waited-all[i-1].waited), ms(r.at.Sub(all[i-1].at))))
		}
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
	if len(f.tardy) > 0 {
		s.t.Errorf("TICK: the last one was up to %s ago when it was asked, the longest took %s, and it may be %s:\n%s",
			ms(f.late), ms(f.longest), mostLate, strings.Join(f.tardy, "\n"))
	}
	if f.rss > mostRSS {
		s.t.Errorf("MEMORY: %.1f MB at the most, and may be %.0f MB", f.rss, mostRSS)
	}
	was, is := f.sixths[1], f.sixths[5]
	if most := was*(1+trendShare) + trendMB; is > most {
		s.t.Errorf("MEMORY: %.1f MB in the second sixth and %.1f MB in the last, which may be %.1f MB", was, is, most)
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
		"stream that was not read and ended":   int64(r.mutes.ended["/v1/stream"]),
		"snapshot that was not read and ended": int64(r.mutes.ended["/v1/snapshot"]),
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
	row("longest tick", "%s", ms(f.longest))
	row("last tick, most ago", "%s", ms(f.late))
	row("waited for a CPU", "%s", ms(all[len(all)-1].waited))
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

// ms is a time as it is told.
func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
