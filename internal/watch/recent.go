package watch

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	recentBuckets = 6
	recentBucket  = 10 * time.Second
)

// recent counts a listener's new connections of the last minute, in buckets.
type recent struct {
	buckets [recentBuckets]uint64
	epoch   int64 // number of the newest bucket since 1970
	last    uint64
	known   bool
}

// add records the counters of one look: selections by the group's hash where they are
// known, else connections queued.
func (r *recent) add(at time.Time, s *listener.Sample) {
	now, known := s.Selected.Get()
	if !known {
		now, known = s.Queued.Get()
	}
	if !known {
		*r = recent{}
		return
	}
	r.advance(at)
	if r.known && now >= r.last {
		r.buckets[r.epoch%recentBuckets] += now - r.last
	}
	r.last, r.known = now, true
}

// advance moves on to the bucket of a time, and empties those between.
func (r *recent) advance(at time.Time) {
	epoch := at.Unix() / int64(recentBucket/time.Second)
	for n := 0; r.epoch < epoch && n < recentBuckets; n++ {
		r.epoch++
		r.buckets[r.epoch%recentBuckets] = 0
	}
	r.epoch = epoch
}

// sum gives how many connections came in the last minute.
func (r *recent) sum(at time.Time) (uint64, bool) {
	r.advance(at)
	var n uint64
	for _, b := range r.buckets {
		n += b
	}
	return n, r.known
}
