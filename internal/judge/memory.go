package judge

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Memory judges one snapshot after the other. While nothing happens on the host it repeats
// its judgements, which costs the same for one listener as for many.
type Memory struct {
	listeners []*listener.Listener // the list that was judged last
	said      []listener.Judgement
	until     time.Time // from then on time alone may change the judgements
}

// Judge judges by one policy. Where nothing is new, same is true and the
// judgements are those of an earlier snapshot.
func (m *Memory) Judge(s *listener.Snapshot, p *Policy, past *Past) (js []listener.Judgement, same bool) {
	if s.Time.Before(m.until) && listener.SameList(s.Listeners, m.listeners) {
		return m.said, true
	}
	m.listeners, m.said = s.Listeners, Judge(s, p, past)
	m.until = holdsUntil(s, m.said)
	return m.said, false
}

// holdsUntil says when judgements may change although no listener does: at once, if clients
// wait or there is a finding.
func holdsUntil(s *listener.Snapshot, js []listener.Judgement) time.Time {
	until := s.Time.Add(recently)
	sooner := func(t time.Time) {
		if t.Before(until) {
			until = t
		}
	}
	for i := range js {
		j := &js[i]
		if j.Queue > 0 || j.Decision != nil || j.Mixed != nil || j.Generations.Or(1) > 1 {
			return s.Time
		}
		if j.Verdict == listener.Accepting {
			sooner(j.LastAccept.Or(s.Time).Add(recently))
		}
		if since, _ := j.ListeningSince(); j.Grouped() && s.Time.Sub(since) < settled {
			sooner(since.Add(settled))
		}
	}
	return until
}
