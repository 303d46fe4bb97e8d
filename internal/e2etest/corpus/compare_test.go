package corpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// over says that nothing more can come out of looking: all that must be killed would
// have been, and no policy is to hold.
func (r *record) over(tier listener.Tier, w *want) bool {
	if w.stuck != isStuck {
		return false
	}
	for i, s := range r.sights(tier) {
		if d := w.in(tier)[i]; d.act == listener.Hold || d.act == listener.Kill && s.killed == nil {
			return false
		}
	}
	return true
}

// decided says that every policy has said what it must, and would so far pass.
func (r *record) decided(tier listener.Tier, w *want) bool {
	if w.stuck != isStuck {
		return true // it only must not do a thing
	}
	for i, s := range r.sights(tier) {
		switch d := w.in(tier)[i]; {
		case d.act == listener.Kill && s.killed == nil:
			return false
		case d.act == listener.Hold && (s.settled == nil || !d.is(s.settled.Decision)):
			return false
		}
	}
	return true
}

// compare tells what was not as it must be.
func (r *record) compare(t *testing.T, tier listener.Tier, of *row) {
	t.Helper()
	w := &of.want
	said := make(map[string]bool)
	errorf := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !said[text] { // once, not for each policy
			said[text] = true
			t.Errorf("%s tier: %s", tier, text)
		}
	}
	for i, s := range r.sights(tier) {
		d := w.in(tier)[i]
		if s.last == nil {
			errorf("its listener was not seen")
			return
		}
		if d.act == listener.Hold && s.killed != nil {
			errorf("%s: it would have been killed: %s", policyName(i), tellOf(s.killed))
			continue
		}
		if w.stuck == neverStuck && s.stuck {
			errorf("it was stuck: %s", tellOf(cmpOr(s.settled, s.last)))
		}
		if w.stuck != isStuck {
			continue
		}
		j := s.settled
		if d.act == listener.Kill {
			j = s.killed
		}
		if d.act == "" {
			continue
		}
		switch {
		case j == nil:
			errorf("%s: want %s, got %s", policyName(i), d, tellOf(cmpOr(s.settled, s.last)))
			continue
		case !d.is(j.Decision):
			errorf("%s: want %s, got %s", policyName(i), d, tellOf(j))
		}
		if tier == listener.TierQueues && w.queues != nil {
			continue // what it cannot know it cannot say either
		}
		if len(w.causes) > 0 && !slices.Contains(w.causes, j.Cause) && j.Cause != listener.CauseStarved {
			errorf("want a cause of %v, got %s", w.causes, tellOf(j))
		}
		if w.class != listener.NoClass && j.Class != w.class {
			errorf("want class %s, got %s", w.class, tellOf(j))
		}
	}
}

func cmpOr(js ...*listener.Judgement) *listener.Judgement {
	return js[slices.IndexFunc(js, func(j *listener.Judgement) bool { return j != nil })]
}

// tellOf is a judgement in a line.
func tellOf(j *listener.Judgement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, cause %q, class %q, observed %.0f s", j.Verdict, j.Cause, j.Class, j.Window.Observed.Seconds())
	if j.Decision != nil {
		fmt.Fprintf(&b, ", %s %v", j.Decision.Act, j.Decision.Reasons)
	}
	for _, s := range j.Signs {
		if s.Holds() {
			fmt.Fprintf(&b, "; %s: %s", s.Sign, s.Value)
		}
	}
	for i := range j.Owners {
		o := &j.Owners[i]
		fmt.Fprintf(&b, "; pid %d %s %s", o.PID, o.Comm, o.State)
	}
	return b.String()
}
