package feed

import (
	"reflect"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// changed gives what is not in a frame as it was in an earlier one, or all of it where
// there is none. Most listeners of a host do nothing most of the time. Frames are in the
// order of snapshots, so that going through both once finds it, and nothing is remembered.
func changed(since, f *wire.Frame) *wire.Frame {
	if since == nil {
		return f
	}
	news := *f
	news.Complete, news.Listeners = false, nil
	old, now := since.Listeners, f.Listeners
	if listener.SameList(old, now) {
		return &news
	}
	for len(old) > 0 || len(now) > 0 {
		switch order(old, now) {
		case 0:
			if !same(&old[0], &now[0]) {
				news.Listeners = append(news.Listeners, now[0])
			}
			old, now = old[1:], now[1:]
		case -1:
			news.Gone = append(news.Gone, old[0].Cookie)
			old = old[1:]
		default:
			news.Listeners = append(news.Listeners, now[0])
			now = now[1:]
		}
	}
	news.Gone = stayed(news.Gone, news.Listeners)
	return &news
}

// order says which of two lists goes on with what comes first, 0: both do.
func order(a, b []listener.Judgement) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	case a[0].Cookie == b[0].Cookie:
		return 0
	default:
		return listener.Compare(a[0].Listener, b[0].Listener)
	}
}

// stayed leaves out of what is gone who listens elsewhere now: a socket may be bound anew.
func stayed(gone []listener.Cookie, there []listener.Judgement) []listener.Cookie {
	if len(gone) == 0 || len(there) == 0 {
		return gone
	}
	here := make(map[listener.Cookie]bool, len(there))
	for i := range there {
		here[there[i].Cookie] = true
	}
	return slices.DeleteFunc(gone, func(c listener.Cookie) bool { return here[c] })
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
func (w *whole) take(f *wire.Frame) *wire.Frame {
	if f.Complete || w.at == nil {
		w.listeners, w.at = nil, make(map[listener.Cookie]int, len(f.Listeners))
	}
	moved := len(f.Gone) > 0
	for _, j := range f.Listeners {
		i, known := w.at[j.Cookie]
		if known {
			moved = moved || listener.Compare(w.listeners[i].Listener, j.Listener) != 0
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
