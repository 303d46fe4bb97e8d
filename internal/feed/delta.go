package feed

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/report"
)

// delta finds what changed between the frames of one stream. Most listeners of a
// host do nothing most of the time.
type delta struct {
	sent map[listener.Cookie]listener.Judgement
}

// since gives the first frame whole, and of each later one what is not as it was
// in the frame before.
func (d *delta) since(f *report.Frame) *report.Frame {
	old := d.sent
	d.sent = make(map[listener.Cookie]listener.Judgement, len(f.Listeners))
	changed := *f
	changed.Complete, changed.Listeners = old == nil, nil
	for _, j := range f.Listeners {
		d.sent[j.Cookie] = j
		if before, known := old[j.Cookie]; !known || !same(&before, &j) {
			changed.Listeners = append(changed.Listeners, j)
		}
	}
	for cookie := range old {
		if _, there := d.sent[cookie]; !there {
			changed.Gone = append(changed.Gone, cookie)
		}
	}
	return &changed
}

// same rests on snapshots sharing the listeners that did not change.
func same(a, b *listener.Judgement) bool {
	if a.Listener != b.Listener || a.Verdict != b.Verdict || a.Cause != b.Cause || a.Culprit != b.Culprit || a.Served != b.Served {
		return false
	}
	if a.Decision == nil || b.Decision == nil {
		return a.Decision == b.Decision
	}
	return a.Decision.Act == b.Decision.Act && slices.Equal(a.Decision.Reasons, b.Decision.Reasons)
}

// whole is what the reader of a stream has put together.
type whole struct {
	listeners map[listener.Cookie]listener.Judgement
}

// take makes a frame complete that only tells what changed.
func (w *whole) take(f *report.Frame) *report.Frame {
	if f.Complete || w.listeners == nil {
		w.listeners = make(map[listener.Cookie]listener.Judgement, len(f.Listeners))
	}
	for _, j := range f.Listeners {
		w.listeners[j.Cookie] = j
	}
	for _, cookie := range f.Gone {
		delete(w.listeners, cookie)
	}
	all := *f
	all.Complete, all.Gone = true, nil
	all.Listeners = make([]listener.Judgement, 0, len(w.listeners))
	for _, j := range w.listeners {
		j.At = f.Time
		all.Listeners = append(all.Listeners, j)
	}
	slices.SortFunc(all.Listeners, func(a, b listener.Judgement) int { return listener.Compare(a.Listener, b.Listener) })
	return &all
}
