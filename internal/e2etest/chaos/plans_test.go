package chaos

import (
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
)

// TestPlans: one seed is one plan, every event is drawn, and whoever must accept is left alone.
func TestPlans(t *testing.T) {
	drawn := map[string]int{}
	seed := uint64(1)
	for range 2000 {
		p := draw(seed)
		if p.String() != draw(seed).String() {
			t.Fatalf("seed %d: two plans", seed)
		}
		dead, busy := 0, map[int]bool{}
		for _, s := range p.steps {
			drawn[p.kind+" "+s.event+":"+s.how]++
			if s.event == "dead" {
				dead++
			}
			about := slices.ContainsFunc(kinds()[p.kind].events, func(e kindOfEvent) bool { return e.name == s.event && e.one })
			if about && (busy[s.member] || s.member >= p.members || s.lasts > 0 && s.member == 0) {
				t.Errorf("seed %d: %s: %s is about somebody who does something else, or must accept", seed, p, s)
			}
			busy[s.member] = busy[s.member] || about && s.lasts > 0
		}
		if slices.ContainsFunc(p.steps, hangs) && slices.ContainsFunc(p.steps, disturbs) {
			t.Errorf("seed %d: %s: the agent cannot know who served", seed, p)
		}
		if dead > 1 || dead == 0 && p.members == 0 || dead > 0 && p.younger > len(p.steps) {
			t.Errorf("seed %d: %s: %d are at a dead end", seed, p, dead)
		}
		seed = armed.Next(seed)
	}
	for name, kind := range kinds() {
		all := slices.Concat(kind.events, common(), []kindOfEvent{{name: "dead", hows: kind.dead}})
		for _, e := range all {
			for _, how := range e.hows {
				if drawn[name+" "+e.name+":"+how] == 0 {
					t.Errorf("%s %s:%s is never drawn", name, e.name, how)
				}
			}
		}
	}
}
