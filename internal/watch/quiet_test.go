package watch

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestNobodySuspectedNoCensus: a thousand listeners that accept between any two looks, with
// clients waiting at each look, are no reason for a census.
func TestNobodySuspectedNoCensus(t *testing.T) {
	const listeners, looks = 1000, 60
	s := &script{}
	for second := range looks + 1 {
		samples := make([]listener.Sample, listeners)
		for i := range samples {
			key := uint64(i + 1)
			samples[i] = sampleOf(listener.Key(key), listener.Cookie(key), key<<32+uint64(second)+1, 3)
		}
		s.looks = append(s.looks, look(second, samples...))
	}
	w := watcher(s)
	mustStart(t, w)
	for range looks {
		mustStep(t, w)
	}
	if s.censuses != 1 || len(s.counted) != 0 {
		t.Errorf("%d censuses, %d times others counted; want the one census of the start", s.censuses, len(s.counted))
	}
	if n := len(w.snapshot().Listeners); n != listeners {
		t.Errorf("%d listeners, want %d", n, listeners)
	}
}

// TestOneStandsStillOneCensus: if one of them stands still from the tenth look on, there is a
// reason.
func TestOneStandsStillOneCensus(t *testing.T) {
	s := &script{}
	for second := range 14 {
		s.looks = append(s.looks, look(second,
			sampleOf(1, 1, uint64(second)+1, 3), sampleOf(2, 2, uint64(min(second, 10))+1, 3)))
	}
	w := watcher(s)
	mustStart(t, w)
	for range 13 {
		mustStep(t, w)
	}
	if s.censuses != 2 {
		t.Errorf("%d censuses, want that of the start and one of the suspicion", s.censuses)
	}
}

// TestNamelessIsSoughtOnce: the name of a network namespace that has none is sought once, also
// if there are several such namespaces.
func TestNamelessIsSoughtOnce(t *testing.T) {
	one, other := sampleOf(1, 1, 1, 3), sampleOf(2, 2, 1, 3)
	one.Netns, other.Netns = 1, 2 // no namespace has such an inode
	w := watcher(&script{looks: []listener.Look{look(0, one, other)}})
	mustStart(t, w)
	for _, netns := range []uint32{1, 2} {
		if name, sought := w.netnsNames[netns]; name != "" || !sought {
			t.Errorf("namespace %d: name %q, sought %v", netns, name, sought)
		}
	}
}
