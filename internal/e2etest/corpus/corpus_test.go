// Package corpus is a table of kinds of servers that get connections and do not accept,
// or seem to, each with the verdict and the decision that it must get. Most of them are
// kinds that people reported of real projects. All run side by side on the real kernel,
// each in a network namespace of its own, and are only looked at: nothing is ever armed.
package corpus

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// The thresholds are short, and the gate's order and classes do not depend on them.
const (
	stuckAfter     = 3 * time.Second
	actAfter       = 8 * time.Second
	actAfterServed = 10 * time.Second
	startupGrace   = 6 * time.Second
	// lasts is for how many looks who must be held is looked at, in its state; who burns a
	// CPU meanwhile has others wait for theirs, and is looked at for less.
	lasts      = 40
	lastsOfHog = 16
	// enough looks for whatever has to be decided. They are counted, and not the time: a
	// host that is loaded looks less often.
	enough = 60
	limit  = 6 * time.Minute
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Rows wait, they do not work.
	if err := flag.Set("test.parallel", "256"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestCorpus plays every row.
func TestCorpus(t *testing.T) {
	livetest.Root(t)
	program := zoo.Program(t)
	var scenes []*scene
	var in []*livetest.Namespace
	for _, r := range rows() {
		if r.host && livetest.InVM() {
			continue
		}
		s := &scene{row: r, zoo: program, ns: livetest.Netns(t)}
		in = append(in, s.ns)
		if r.bad.otherNetns {
			s.second = livetest.Netns(t)
			in = append(in, s.second)
		}
		scenes = append(scenes, s)
	}
	tiers := []listener.Tier{listener.TierTracepoints, listener.TierQueues}
	if livetest.InVM() {
		tiers[0] = listener.TierFunctions
	}
	for _, tier := range tiers {
		observe(t, tier, in, scenes)
	}
	// Who burns CPU gets a whole one, or it would be starved and not spin.
	hogs := make(chan struct{}, 1)
	t.Run("rows", func(t *testing.T) {
		for _, s := range scenes {
			t.Run(s.row.name, func(t *testing.T) {
				t.Parallel()
				if s.row.hog {
					hogs <- struct{}{}
					defer func() { <-hogs }()
				}
				s.t = t
				s.play()
				for _, tier := range tiers {
					s.seen.compare(t, tier, s.row)
				}
			})
		}
	})
}

// TestRows holds the table to what it promises.
func TestRows(t *testing.T) {
	names, issues, perPolicy := map[string]bool{}, map[string]bool{}, [policies]int{}
	for _, r := range rows() {
		if names[r.name] {
			t.Errorf("two rows %q", r.name)
		}
		names[r.name] = true
		if r.issue != "" {
			issues[r.issue] = true
		}
		if r.about == "" {
			t.Errorf("%s: it is not said what it is", r.name)
		}
		for i, d := range r.want.decisions {
			if d.act == listener.Kill {
				perPolicy[i]++
			}
		}
	}
	if len(names) < 60 || len(issues) < 20 {
		t.Errorf("%d rows, %d of public issues; want 60 and 20", len(names), len(issues))
	}
	t.Logf("%d rows, %d of public issues; killed by default %d, with --allow-served %d, with --allow-waiting %d",
		len(names), len(issues), perPolicy[0], perPolicy[1], perPolicy[2])
}
