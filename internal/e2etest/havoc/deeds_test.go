package havoc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// befall has happen what the plan says.
func (s *scene) befall() {
	s.t.Helper()
	switch s.plan.deed {
	case "kill":
		s.end(syscall.SIGKILL)
		s.recovers()
		s.start()
	case "kill-twice":
		s.end(syscall.SIGKILL)
		s.agent.Launch()
		time.Sleep(s.plan.second)
		s.end(syscall.SIGKILL)
		s.tell("killed again after %s", s.plan.second)
		s.start()
	case "term":
		s.end(syscall.SIGTERM)
		s.start()
	case "stop":
		s.stop()
	case "hup-storm":
		s.storm()
	case "full", "full-and-kill":
		s.full()
	case "clock":
		s.stepClock(1)
	case "clock-and-back":
		s.stepClock(1)
		time.Sleep(s.plan.second)
		s.stepClock(-1)
	case "clock-and-kill":
		s.stepClock(1)
		s.end(syscall.SIGKILL)
		s.start()
	default:
		s.t.Fatalf("no deed %q", s.plan.deed)
	}
}

// stop stops the agent for some time, in the middle of which the server may recover.
func (s *scene) stop() {
	lasts := time.Duration((1 + s.plan.lasts*float64(s.longest-1)) * float64(time.Second))
	s.tell("stopped for %.1f s", lasts.Seconds())
	s.agent.Signal(syscall.SIGSTOP)
	defer s.agent.Signal(syscall.SIGCONT)
	time.Sleep(lasts / 2)
	s.recovers()
	time.Sleep(lasts / 2)
}

// recovers has the stuck one serve, if the plan says so, and it is not too late.
func (s *scene) recovers() {
	if s.plan.how != "recovers" || s.stuck.Ended() {
		return
	}
	reader, err := os.OpenFile(s.fifo(), os.O_RDONLY|unix.O_NONBLOCK, 0)
	s.must(err)
	s.t.Cleanup(func() { _ = reader.Close() })
	livetest.Eventually(s.t, "it recovers, or is ended by what was under way", func() bool {
		return s.recovered() || s.stuck.Ended()
	})
	s.tell("it recovered")
}

// storm has the policy taken anew hundreds of times in a second, while it is rewritten.
func (s *scene) storm() {
	n := 0
	for until := time.Now().Add(time.Second); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		if n++; n%3 == 0 {
			s.policy(n)
		}
		s.agent.Signal(syscall.SIGHUP)
	}
	s.policy(0)
	s.agent.Signal(syscall.SIGHUP)
	s.tell("%d SIGHUPs", n)
}

func (s *scene) policyFile() string { return filepath.Join(s.dir, "policy.yaml") }

// policy replaces the policy file by another one; now and then by one with a mistake.
func (s *scene) policy(n int) {
	const policy = `version: 1
defaults:
  action: kill
  act-after: %s
  startup-grace: 0s
  max-acts: %d/1h
protect: [nobody%d]
`
	text := fmt.Sprintf(policy, actAfter+time.Duration(n%7)*10*time.Millisecond, s.budget(), n)
	if n%4 == 1 {
		text += "mistake: 1\n"
	}
	next := s.policyFile() + ".next"
	s.must(os.WriteFile(next, []byte(text), 0o600))
	s.must(os.Rename(next, s.policyFile()))
}

// full leaves not a byte on the disk for some seconds.
func (s *scene) full() {
	on := s.path(".")
	if s.plan.how != "all" {
		on = s.path(s.plan.how)
	}
	filler := filepath.Join(on, "filler")
	f, err := os.Create(filler)
	s.must(err)
	for size := 64 << 10; size > 0; {
		if _, err = f.Write(make([]byte, size)); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else {
			s.must(err)
		}
	}
	s.must(f.Close())
	if s.plan.deed == "full-and-kill" {
		time.Sleep(s.plan.second / 10)
		s.end(syscall.SIGKILL)
		s.start()
	}
	lasts := time.Duration((0.5 + 3*s.plan.lasts) * float64(time.Second))
	time.Sleep(lasts)
	s.must(os.Remove(filler))
	s.tell("full for %.1f s", lasts.Seconds())
}

// stepClock sets the clock of the machine, which is the test's own.
func (s *scene) stepClock(times int64) {
	if !ownClock() {
		s.t.Fatal("the clock is not the test's")
	}
	how, back := strings.CutPrefix(s.plan.how, "-")
	by := map[string]int64{"hour": 3600, "day": 24 * 3600, "year": 365 * 24 * 3600}[how]
	if back {
		by = -by
	}
	var now unix.Timespec
	s.must(unix.ClockGettime(unix.CLOCK_REALTIME, &now))
	now.Sec += by * times
	s.must(unix.ClockSettime(unix.CLOCK_REALTIME, &now))
}
