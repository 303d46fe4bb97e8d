package havoc

import (
	"slices"
	"testing"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
)

// TestPlans: one seed is one plan, and everything is drawn.
func TestPlans(t *testing.T) {
	for _, from := range [][]deed{deeds(), clockSteps()} {
		drawn := map[string]bool{}
		for i, seed := 0, uint64(1); i < 1000; i, seed = i+1, armed.Next(seed) {
			p := draw(seed, from)
			if p.String() != draw(seed, from).String() {
				t.Fatalf("seed %d: two plans", seed)
			}
			drawn[p.deed+":"+p.how], drawn[p.at] = true, true
		}
		for _, d := range from {
			for _, how := range d.hows {
				if !drawn[d.name+":"+how] {
					t.Errorf("%s:%s is never drawn", d.name, how)
				}
			}
		}
		if i := slices.IndexFunc(moments(), func(m moment) bool { return !drawn[m.name] }); i >= 0 {
			t.Errorf("the moment %q is never drawn", moments()[i].name)
		}
	}
}
