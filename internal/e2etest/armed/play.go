// Package armed is what tests share that play scenes which a seed draws beside the built
// binary, armed for the network namespace of each: the agent, its clients, what a run of
// them is asked for, and what came of it.
package armed

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// What a run is asked for, by these variables beside that of how many scenes.
const (
	asSeed   = "SEED"   // of the first scene; usualSeed, but make takes that of the time
	asJobs   = "JOBS"   // how many at a time; 6
	asBinary = "BINARY" // reusewatch to try; that of this tree
)

// usualSeed is that of `make test`: what it tries is the same for everybody.
const usualSeed = 20261127

// Asked is what a variable says, or else.
func Asked(name string, otherwise uint64) (uint64, error) {
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

// Main runs the tests of a package, so many scenes at a time as are asked for. A VM has no
// environment of the caller's: there -asked NAME=VALUE asks.
func Main(m *testing.M) {
	flag.Func("asked", "NAME=VALUE, where no environment can be given", func(s string) error {
		name, value, _ := strings.Cut(s, "=")
		return os.Setenv(name, value)
	})
	flag.Parse()
	jobs, err := Asked(asJobs, 6)
	if err == nil {
		err = flag.Set("test.parallel", fmt.Sprint(jobs))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Next is the seed of the scene after the one of this seed.
func Next(seed uint64) uint64 { return rand.New(rand.NewPCG(seed, 1)).Uint64() >> 16 }

// Played is a scene that is played.
type Played struct {
	Plan fmt.Stringer
	Word string // what came of it, in as few words as there are kinds of outcomes
	More string
}

// Play plays as many scenes as the variable says, each as a test of its own, and tells of
// each in a line.
func Play(t *testing.T, name, many string, usual uint64, play func(*testing.T, uint64, *Played)) {
	first, err := Asked(asSeed, usualSeed)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Asked(many, usual)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all := &tally{by: map[string]int{}}
	t.Run("scenes", func(t *testing.T) {
		for s, i := first, uint64(0); i < n; s, i = Next(s), i+1 {
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				t.Parallel()
				p, began := &Played{}, time.Now()
				t.Cleanup(func() { all.note(t, name, s, p, time.Since(began)) })
				play(t, s, p)
			})
		}
	})
	words := []string{fmt.Sprintf("%s=%d from seed %d in %s", many, n, first, time.Since(began).Round(time.Second))}
	for word, n := range all.by {
		words = append(words, fmt.Sprintf("%d %s", n, word))
	}
	slices.Sort(words[1:])
	fmt.Printf("%s: %s\n", name, strings.Join(words, ", "))
	for _, s := range all.failed {
		fmt.Printf("%s: to play it again: make %s %s=1 SEED=%d\n", name, name, many, s)
	}
}

// tally is what came of all scenes.
type tally struct {
	mu     sync.Mutex
	by     map[string]int
	failed []uint64
}

// note tells of a scene in a line, and counts it.
func (a *tally) note(t *testing.T, name string, seed uint64, p *Played, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.Failed() {
		p.Word = "FAILED"
		a.failed = append(a.failed, seed)
	}
	a.by[p.Word]++
	fmt.Printf("%s: seed %d: %s: %s; %s; %d s\n", name, seed, p.Plan, p.Word, p.More, int(took.Seconds()))
}

// Build is reusewatch as it is built, for the test binary is not it.
func Build(t *testing.T) string {
	t.Helper()
	if given := os.Getenv(asBinary); given != "" {
		return given
	}
	if livetest.InVM() {
		path, err := exec.LookPath("reusewatch")
		if err != nil {
			t.Fatalf("%v: it is to be packed into the VM", err)
		}
		return path
	}
	path := filepath.Join(t.TempDir(), "reusewatch")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "../../../cmd/reusewatch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build reusewatch: %v\n%s", err, out)
	}
	return path
}
