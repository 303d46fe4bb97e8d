package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// snapshot shares the listeners of the table with those before.
func (w *Watcher) snapshot() *listener.Snapshot {
	return &listener.Snapshot{
		Time: w.lastLook, Interval: w.opts.Interval, Tier: w.opts.Tier, Census: w.lastCensus, Watched: true,
		Listeners: w.table.list(w.lastLook), Unread: w.opts.Reader.Unread(), LeftOut: w.suspects.leftOut,
	}
}

// list gives the listeners of the table in their order. If none was replaced since the last
// time, it is the same list.
func (t *table) list(now time.Time) []*listener.Listener {
	if t.order == nil {
		t.order = make([]*entry, 0, len(t.entries))
		for _, e := range t.entries {
			t.order = append(t.order, e)
		}
		slices.SortFunc(t.order, func(a, b *entry) int { return listener.Compare(a.l, b.l) })
		t.changed = true
	}
	if t.sharing {
		t.share(now)
	}
	if t.changed {
		t.changed = false
		t.listed = make([]*listener.Listener, 0, len(t.order))
		for _, e := range t.order {
			if e.announced {
				t.listed = append(t.listed, e.l)
			}
		}
	}
	return t.listed
}

// share works out which part of the new connections of its group each member got in the
// last minute. Once no member has got any, there is nothing to share.
func (t *table) share(now time.Time) {
	sums := make(map[listener.GroupKey]uint64)
	t.sharing = false
	for _, e := range t.order {
		if n, known := e.lately(now); known && e.l.Group != 0 && n > 0 {
			sums[e.l.Group] += n
			t.sharing = true
		}
	}
	for _, e := range t.order {
		var share listener.Maybe[float64]
		if n, known := e.lately(now); known && sums[e.l.Group] > 0 {
			share = listener.Known(float64(n) / float64(sums[e.l.Group]))
		}
		if share != e.l.Share.Maybe() {
			next := *e.l
			next.Share = share.Rare()
			t.set(e, &next)
		}
	}
}
