// Package havoc does to the agent, at a moment of an act that a seed draws, what happens to
// agents: SIGKILL, SIGSTOP, a storm of SIGHUP, SIGTERM, a full disk and, where the clock is
// the test's own, steps of it. Nothing may be left of it, nothing be lost, and no act be
// done twice. It drives the built binary, armed for a network namespace of the scene's.
package havoc

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// What a run is asked for beside what package armed reads; `make havoc` passes it on.
const (
	asActs    = "ACTS"    // how many; 16
	asLongest = "LONGEST" // seconds that a stop of the agent may last; 5
)

// inside says that the process has mounts of its own.
const inside = "REUSEWATCH_HAVOC_MOUNTS"

func TestMain(m *testing.M) {
	if os.Geteuid() == 0 && os.Getenv(inside) == "" {
		fmt.Fprintln(os.Stderr, "give the test mounts of its own:", ownMounts())
		os.Exit(1)
	}
	armed.Main(m)
}

// ownMounts executes the test anew where what it mounts goes with it, however it ends. It
// returns only to fail.
func ownMounts() error {
	runtime.LockOSThread() // exec leaves nothing else of the process
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), inside+"=1"))
}

// TestHavoc plays as many acts as are asked for.
func TestHavoc(t *testing.T) {
	livetest.Root(t)
	program, built := zoo.Program(t), armed.Build(t)
	longest, err := armed.Asked(asLongest, 5)
	if err != nil {
		t.Fatal(err)
	}
	from := deeds()
	if ownClock() {
		from = clockSteps()
	}
	armed.Play(t, "havoc", asActs, 16, func(t *testing.T, seed uint64, p *armed.Played) {
		s := &scene{t: t, plan: draw(seed, from), zoo: program, ns: livetest.Netns(t), longest: longest}
		p.Plan = s.plan
		t.Cleanup(func() { p.More = strings.Join(s.did, ", ") })
		p.Word = s.play(built)
	})
}

// ownClock says whether the clock is the test's to set: where the kernel itself was started
// for it. An environment could be a mistake.
func ownClock() bool {
	b, err := os.ReadFile("/proc/cmdline")
	return err == nil && livetest.InVM() && strings.Contains(string(b), "REUSEWATCH_VM=1")
}
