package watch

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// snapshot shares the listeners of the table, which are replaced and never changed. If none
// was replaced, it shares the list of them with the snapshot before, too.
func (w *Watcher) snapshot() *listener.Snapshot {
	if w.order == nil {
		w.order = make([]*entry, 0, len(w.entries))
		for _, e := range w.entries {
			w.order = append(w.order, e)
		}
		slices.SortFunc(w.order, func(a, b *entry) int { return listener.Compare(a.l, b.l) })
		w.changed = true
	}
	if w.sharing {
		w.share()
	}
	if w.changed {
		w.changed = false
		w.listed = make([]*listener.Listener, 0, len(w.order))
		for _, e := range w.order {
			if e.announced {
				w.listed = append(w.listed, e.l)
			}
		}
	}
	return &listener.Snapshot{
		Time: w.lastLook, Interval: w.opts.Interval, Tier: w.opts.Tier, Census: w.lastCensus, Watched: true, Listeners: w.listed,
		Unread: w.opts.Reader.Unread(), LeftOut: w.leftOut,
	}
}

// share works out which part of the new connections of its group each member got in the
// last minute. Once no member has got any, there is nothing to share.
func (w *Watcher) share() {
	sums := make(map[listener.GroupKey]uint64)
	w.sharing = false
	for _, e := range w.order {
		if n, known := e.lately(w.lastLook); known && e.l.Group != 0 && n > 0 {
			sums[e.l.Group] += n
			w.sharing = true
		}
	}
	for _, e := range w.order {
		var share listener.Maybe[float64]
		if n, known := e.lately(w.lastLook); known && sums[e.l.Group] > 0 {
			share = listener.Known(float64(n) / float64(sums[e.l.Group]))
		}
		if share != e.l.Share.Maybe() {
			next := *e.l
			next.Share = share.Rare()
			w.set(e, &next)
		}
	}
}
