package top

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

const (
	// minute is what the sparkline shows.
	minute = time.Minute
	// slots is how many frames of it are kept: one a second.
	slots = 60
)

// history is what frames before this one said, for what happens in a second.
type history struct {
	at   time.Time // of the last frame
	seq  int       // of the last frame
	of   map[listener.Cookie]*past
	cost listener.Maybe[wire.Cost]
	own  own
}

// own is what the one who looks uses now.
type own struct {
	cpu      listener.Maybe[float64] // of a core, 0..1
	perEvent listener.Maybe[time.Duration]
	rss      listener.Maybe[uint64]
}

// past is what is remembered of one listener.
type past struct {
	addr                            string // which never changes
	since                           listener.Maybe[time.Time]
	syns, selected                  listener.Maybe[uint64]
	queued, accepted                listener.Maybe[uint64]
	queue                           uint32
	seq                             int
	synRate, queuedRate, acceptRate listener.Maybe[float64] // a second
	// came are the new connections of each of the last frames, by frame number
	// modulo slots: what was queued; where that is not known what the group's hash
	// gave it; where that is not known either how much its queue grew, which is
	// the least that came. -1: not known.
	came [slots]int32
}

// add takes the next frame in.
func (h *history) add(f *wire.Frame) {
	if h.of == nil {
		h.of = make(map[listener.Cookie]*past, len(f.Listeners))
	}
	var elapsed float64 // seconds; 0: nothing can be compared
	if !h.at.IsZero() {
		elapsed = max(0, f.Time.Sub(h.at).Seconds())
	}
	h.at = f.Time
	h.seq++
	for i := range f.Listeners {
		j := &f.Listeners[i]
		p := h.of[j.Cookie]
		if p == nil {
			p = &past{addr: j.Local.String()}
			for k := range p.came {
				p.came[k] = -1
			}
			h.of[j.Cookie] = p
			p.take(j, h.seq, 0)
			continue
		}
		for missed := max(p.seq+1, h.seq-slots+1); missed < h.seq; missed++ {
			p.came[missed%slots] = -1
		}
		p.take(j, h.seq, elapsed)
	}
	if len(h.of) > len(f.Listeners) {
		for c, p := range h.of {
			if p.seq != h.seq {
				delete(h.of, c)
			}
		}
	}
	h.costs(f.Cost, elapsed)
}

// take compares what is counted with what was; elapsed 0 means that nothing can
// be said of it.
func (p *past) take(j *listener.Judgement, seq int, elapsed float64) {
	if p.since != j.CountedSince.Maybe() {
		elapsed = 0 // counted anew
	}
	p.synRate = perSecond(p.syns, j.SYNs.Maybe(), elapsed)
	p.queuedRate = perSecond(p.queued, j.Queued.Maybe(), elapsed)
	p.acceptRate = perSecond(p.accepted, j.Accepted.Maybe(), elapsed)
	p.came[seq%slots] = p.newcomers(j, elapsed)
	p.syns, p.selected, p.queued, p.accepted = j.SYNs.Maybe(), j.Selected.Maybe(), j.Queued.Maybe(), j.Accepted.Maybe()
	p.since, p.queue, p.seq = j.CountedSince.Maybe(), j.Queue, seq
}

func (p *past) newcomers(j *listener.Judgement, elapsed float64) int32 {
	if elapsed == 0 {
		return -1
	}
	if n, known := growth(p.queued, j.Queued.Maybe()); known {
		return int32(min(n, 1<<30))
	}
	if n, known := growth(p.selected, j.Selected.Maybe()); known {
		return int32(min(n, 1<<30))
	}
	return int32(min(max(int64(j.Queue)-int64(p.queue), 0), 1<<30))
}

func growth(before, now listener.Maybe[uint64]) (uint64, bool) {
	a, known := before.Get()
	b, too := now.Get()
	return b - a, known && too && b >= a
}

func perSecond(before, now listener.Maybe[uint64], elapsed float64) listener.Maybe[float64] {
	if n, known := growth(before, now); known && elapsed > 0 {
		return listener.Known(float64(n) / elapsed)
	}
	return listener.Maybe[float64]{}
}

// lastMinute adds into width buckets, oldest first, what came to the listeners in
// the last minute. Buckets of more than one frame begin at the same frames
// whenever they are asked for, so that the line moves and does not shimmer; one
// that is not full yet counts for as much as it would be.
func (h *history) lastMinute(ps []*past, interval time.Duration, width int) []int {
	frames := slots
	if interval > time.Second {
		frames = max(1, int(minute/interval))
	}
	per := (frames + width - 1) / width
	from := max(0, h.seq-frames+1)
	from -= from % per
	out := make([]int, 0, width+1)
	for begin := from; begin <= h.seq; begin += per {
		sum, known := 0, 0
		for seq := max(begin, h.seq-slots+1); seq < begin+per && seq <= h.seq; seq++ {
			seen := false
			for _, p := range ps {
				if n := p.came[seq%slots]; n >= 0 {
					sum += int(n)
					seen = true
				}
			}
			if seen {
				known++
			}
		}
		if known == 0 {
			out = append(out, -1)
			continue
		}
		out = append(out, (sum*per+known-1)/known)
	}
	return out[max(0, len(out)-width):]
}

// costs finds out what is used now; of the programs' events since the start, if
// none was since the last frame.
func (h *history) costs(now listener.Maybe[wire.Cost], elapsed float64) {
	before, known := h.cost.Get()
	h.cost = now
	h.own = own{}
	c, given := now.Get()
	if !given {
		return
	}
	h.own.rss = listener.Known(c.RSS)
	if c.BPFRuns > 0 {
		h.own.perEvent = listener.Known(c.BPFTime / time.Duration(c.BPFRuns))
	}
	if !known || elapsed == 0 || before.PID != c.PID || !before.Started.Equal(c.Started) {
		return
	}
	h.own.cpu = listener.Known(max(0, (c.CPU-before.CPU).Seconds()/elapsed))
	if runs := c.BPFRuns - before.BPFRuns; c.BPFRuns > before.BPFRuns {
		h.own.perEvent = listener.Known((c.BPFTime - before.BPFTime) / time.Duration(runs))
	}
}
