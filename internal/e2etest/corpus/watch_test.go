package corpus

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// policy is what an operator asks for. It only says what would be done: this package
// has no remedy.
func policy(i int) *judge.Policy {
	budget := judge.Budget{Acts: 100, Per: time.Hour}
	return &judge.Policy{
		Default: judge.Settings{
			Action: listener.Kill, Superseded: listener.Report,
			StuckAfter: stuckAfter, ActAfter: actAfter, ActAfterServed: actAfterServed, StartupGrace: startupGrace,
			AllowServed: i >= allowServed, AllowWaiting: i >= allowWaiting, Budget: budget,
		},
		HostBudget: budget,
	}
}

// observe watches in a tier until the test ends, and lets every scene note what is said
// of it. It is there before any server.
func observe(t *testing.T, tier listener.Tier, in []*livetest.Namespace, scenes []*scene) {
	t.Helper()
	k, err := kernel.Open(kernel.Options{Tier: tier, Namespaces: livetest.Only(in...)})
	if err != nil {
		t.Fatalf("open the %s tier: %v", tier, err)
	}
	t.Cleanup(func() { _ = k.Close() })
	w := watch.New(k, watch.Options{
		Interval: time.Second, StuckAfter: stuckAfter, Tier: tier,
		// No helper with a deadline: with a hundred servers on two CPUs one that is merely
		// slow would be taken for hung, and its user's processes be read no more.
		Reader: proc.Direct{FS: proc.New("")}, Proc: proc.New(""),
	})
	if _, err := w.Start(); err != nil {
		t.Fatalf("watch in the %s tier: %v", tier, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := w.Run(ctx, func(s *listener.Snapshot, _ []watch.Change) { tell(tier, s, scenes) }); err != nil {
			t.Errorf("watch in the %s tier: %v", tier, err)
		}
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

// tell judges each scene apart: what goes for a whole host, such as host-wide, must not
// make one row depend on another.
func tell(tier listener.Tier, s *listener.Snapshot, scenes []*scene) {
	by := make(map[uint32][]*listener.Listener)
	for _, l := range s.Listeners {
		by[l.Netns] = append(by[l.Netns], l)
	}
	for _, sc := range scenes {
		is := sc.subject.Load()
		if is == nil {
			continue
		}
		sc.seen.looked(tier)
		mine := *s
		mine.Listeners = by[sc.ns.Inode]
		if sc.second != nil {
			mine.Listeners = slices.Concat(mine.Listeners, by[sc.second.Inode])
		}
		for i := range policies {
			for _, j := range judge.Judge(&mine, policy(i), &judge.Past{}) {
				if (*is)(j.Listener) {
					sc.seen.note(tier, i, j)
				}
			}
		}
	}
}

// record is what was seen of one scene, by tier and policy.
type record struct {
	mu sync.Mutex
	of map[listener.Tier]*[policies]sight
	n  map[listener.Tier]uint64
}

// sight is what one policy said.
type sight struct {
	last    *listener.Judgement
	stuck   bool                // in some look
	killed  *listener.Judgement // the first that would have been acted on
	settled *listener.Judgement // the last of a head that stood longer than any threshold
	reasons []listener.Reason   // the first ones, of all that were settled
}

func (r *record) note(tier listener.Tier, policy int, j listener.Judgement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = make(map[listener.Tier]*[policies]sight)
	}
	if r.of[tier] == nil {
		r.of[tier] = &[policies]sight{}
	}
	s := &r.of[tier][policy]
	s.last = &j
	if j.Verdict != listener.Stuck || j.Decision == nil {
		return
	}
	s.stuck = true
	if j.Decision.Act == listener.Kill && s.killed == nil {
		s.killed = &j
	}
	if j.Window.Observed > actAfterServed+2*time.Second {
		s.settled = &j
		if !slices.Contains(s.reasons, j.Decision.Reason) {
			s.reasons = append(s.reasons, j.Decision.Reason)
		}
	}
}

// looked counts a look.
func (r *record) looked(tier listener.Tier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = make(map[listener.Tier]uint64)
	}
	r.n[tier]++
}

// looks are how many there were in a tier.
func (r *record) looks(tier listener.Tier) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n[tier]
}

// sights are what was seen so far in a tier.
func (r *record) sights(tier listener.Tier) [policies]sight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[tier] == nil {
		return [policies]sight{}
	}
	return *r.of[tier]
}
