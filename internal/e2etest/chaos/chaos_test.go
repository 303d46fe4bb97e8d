// Package chaos plays scenes that a seed draws: groups of real servers, to which happens
// what happens to servers, beside an armed reusewatch that is restarted, killed and stopped
// meanwhile. Who is at a dead end must be ended, once; nobody else may be touched; and
// every client gets its answer. It drives the built binary, armed for one network namespace
// that the cycle made.
package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// What a run is asked for, by these variables; `make chaos` passes them on.
const (
	asCycles = "CYCLES" // how many; 20
	asSeed   = "SEED"   // of the first cycle; usualSeed, but `make chaos` takes that of the time
	asJobs   = "JOBS"   // how many at a time; 6
	asBinary = "BINARY" // reusewatch to try; that of this tree
)

// usualSeed is that of `make test`: what it tries is the same for everybody.
const usualSeed = 20261127

// asked is what a variable says, or else.
func asked(name string, otherwise uint64) (uint64, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 48)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s=%q is not a number from 1", name, text)
	}
	return n, nil
}

const (
	// patience is the limit of whatever has to happen, and longEnough of an act that is
	// due: a host that is loaded is slow. Both are far longer than anything takes.
	patience   = 3 * time.Minute
	longEnough = 2 * time.Minute
)

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		fmt.Fprintln(os.Stderr, beServer(os.Args[1:]))
		os.Exit(1)
	}
	flag.Parse()
	jobs, err := asked(asJobs, 6)
	if err == nil {
		err = flag.Set("test.parallel", fmt.Sprint(jobs))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// tally is what came of all cycles.
type tally struct {
	mu     sync.Mutex
	by     map[string]int
	failed []uint64
}

// note tells of a cycle in a line, and counts it.
func (a *tally) note(t *testing.T, p *plan, o outcome, c *cycle) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.Failed() {
		o.word = "FAILED"
		a.failed = append(a.failed, p.seed)
	}
	a.by[o.word]++
	fmt.Printf("chaos: seed %d: %s: %s; %d clients, %d asked again; %d s\n",
		p.seed, p, o.word, c.clients.answered.Load(), c.clients.again.Load(), int(o.took.Seconds()))
}

// TestChaos plays as many cycles as are asked for.
func TestChaos(t *testing.T) {
	livetest.Root(t)
	program, built := zoo.Program(t), build(t)
	first, err := asked(asSeed, usualSeed)
	if err != nil {
		t.Fatal(err)
	}
	cycles, err := asked(asCycles, 20)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all := &tally{by: map[string]int{}}
	t.Run("cycles", func(t *testing.T) {
		for s, i := first, uint64(0); i < cycles; s, i = next(s), i+1 {
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				t.Parallel()
				c := &cycle{t: t, plan: draw(s), zoo: program, ns: livetest.Netns(t)}
				var o outcome
				t.Cleanup(func() { all.note(t, c.plan, o, c) })
				t.Cleanup(c.tellAll)
				o = c.play(built)
			})
		}
	})
	words := []string{fmt.Sprintf("%d cycles from seed %d in %s", cycles, first, time.Since(began).Round(time.Second))}
	for word, n := range all.by {
		words = append(words, fmt.Sprintf("%d %s", n, word))
	}
	fmt.Println("chaos:", strings.Join(words, ", "))
	for _, s := range all.failed {
		fmt.Printf("chaos: to play it again: make chaos CYCLES=1 SEED=%d\n", s)
	}
}

// tellAll tells what a failed cycle's agent said of more than suspicions.
func (c *cycle) tellAll() {
	if !c.t.Failed() || c.agent == nil {
		return
	}
	c.t.Logf("seed %d: %s\n%s", c.plan.seed, c.plan, c.agent.errs.String())
	for _, e := range c.agent.of("ready", "stuck", "held", "acting", "closed", "acted", "act_failed", "recovered") {
		pid := e.PID
		if len(e.Listener.Owners) > 0 && pid == 0 {
			pid = e.Listener.Owners[0].PID
		}
		c.t.Logf("%s %s pid %d: %s %s %s", e.Time.Format("15:04:05.000"), e.Event, pid, e.Listener.Cause, e.Listener.why(), e.Error)
	}
}

// build is reusewatch as it is built, for the test binary is not it.
func build(t *testing.T) string {
	t.Helper()
	if given := os.Getenv(asBinary); given != "" {
		return given
	}
	path := filepath.Join(t.TempDir(), "reusewatch")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "../../../cmd/reusewatch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build reusewatch: %v\n%s", err, out)
	}
	return path
}
