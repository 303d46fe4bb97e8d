package feed

import (
	"reflect"
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
	if a.Listener != b.Listener || a.Verdict != b.Verdict || a.Cause != b.Cause || a.Culprit != b.Culprit || a.Class != b.Class || !slices.Equal(a.Signs, b.Signs) {
		return false
	}
	if a.Generations != b.Generations || !reflect.DeepEqual(a.Superseded, b.Superseded) || !reflect.DeepEqual(a.Mixed, b.Mixed) {
		return false
	}
	if a.Decision == nil || b.Decision == nil {
		return a.Decision == b.Decision
	}
	return a.Decision.Act == b.Decision.Act && slices.Equal(a.Decision.Reasons, b.Decision.Reasons)
}

// whole is what the reader of a stream has put together.
type whole struct {
	listeners []listener.Judgement // in the order of snapshots
	at        map[listener.Cookie]int
}

// take makes a frame complete that only tells what changed.
func (w *whole) take(f *report.Frame) *report.Frame {
	if f.Complete || w.at == nil {
		w.listeners, w.at = nil, make(map[listener.Cookie]int, len(f.Listeners))
	}
	moved := len(f.Gone) > 0
	for _, j := range f.Listeners {
		i, known := w.at[j.Cookie]
		if known {
			w.listeners[i] = j
			continue
		}
		w.at[j.Cookie] = len(w.listeners)
		w.listeners = append(w.listeners, j)
		moved = true
	}
	if moved {
		gone := make(map[listener.Cookie]bool, len(f.Gone))
		for _, cookie := range f.Gone {
			gone[cookie] = true
		}
		w.listeners = slices.DeleteFunc(w.listeners, func(j listener.Judgement) bool { return gone[j.Cookie] })
		slices.SortFunc(w.listeners, func(a, b listener.Judgement) int { return listener.Compare(a.Listener, b.Listener) })
		clear(w.at)
		for i := range w.listeners {
			w.at[w.listeners[i].Cookie] = i
		}
	}
	all := *f
	all.Complete, all.Gone = true, nil
	all.Listeners = slices.Clone(w.listeners) // the next frame changes ours
	for i := range all.Listeners {
		all.Listeners[i].At = f.Time
	}
	return &all
}
