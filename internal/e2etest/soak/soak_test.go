// Package soak runs the built binary, armed, for as long as one asks, on a host that gives it
// much to do: 20,000 idle listeners, 500 births a second, 50 readers that come and go, some
// that never read, a scrape each second and an act each minute. It is measured from outside:
// no tick may come late, and memory, goroutines and descriptors must not grow.
package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asMinutes asks for how long; `make soak` passes it on.
const asMinutes = "MINUTES"

// fewest minutes are those whose sixths can be compared.
const fewest = 3

// TestSoak runs only where it is asked for: it takes minutes.
func TestSoak(t *testing.T) {
	if os.Getenv(asMinutes) == "" {
		t.Skip("it takes minutes, and is run by: make soak MINUTES=60")
	}
	livetest.Root(t)
	minutes, err := armed.Asked(asMinutes, 60)
	if err != nil {
		t.Fatal(err)
	}
	if minutes < fewest {
		t.Fatalf("%s=%d: the least that tells anything is %d", asMinutes, minutes, fewest)
	}
	s := &soak{t: t, minutes: int(minutes), zoo: zoo.Program(t), ns: livetest.Netns(t)}
	s.play(armed.Build(t))
}

// soak is a host that is kept busy, and the agent on it.
type soak struct {
	t       *testing.T
	minutes int
	zoo     string
	ns      *livetest.Namespace

	agent   *armed.Agent
	began   time.Time
	births  *livetest.Program
	healthy *livetest.Program
	sockets []string // with which the healthy one listens
	readers *readers
	meter   *meter
	acts    acts

	// What the agent holds while nobody reads, after a minute and at the end.
	first, last held
}

func (s *soak) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// play plays all of it.
func (s *soak) play(binary string) {
	s.listeners()
	metrics, state := livetest.FreeAddress(s.t), s.t.TempDir()
	s.agent = armed.New(s.t, binary, s.ns, state, "--metrics-address", metrics, "--config", s.policy(),
		"--stuck-after", "2s", "--act-after", "4s", "--startup-grace", "0s")
	s.t.Cleanup(s.tell)
	s.agent.Start()
	s.births = s.member("births", firstPort, fmt.Sprint(birthsASecond))
	s.readers = newReaders(s.t, binary, filepath.Join(state, "reusewatch.sock"))
	s.meter = newMeter(s.t, s.agent, metrics)
	s.began = time.Now()
	for minute := range s.minutes {
		s.readers.come()
		s.until(minute, 20*time.Second)
		s.act(minute)
		s.until(minute+1, 0)
		if minute == 0 {
			s.first = s.settle()
		}
	}
	s.last = s.settle()
	s.meter.end()
	s.verdict()
	s.agent.Stop()
}

// until waits until so long after a minute began.
func (s *soak) until(minute int, after time.Duration) {
	s.t.Helper()
	time.Sleep(time.Until(s.began.Add(time.Duration(minute)*time.Minute + after)))
	for _, p := range []*livetest.Program{s.births, s.healthy} {
		if p.Ended() {
			s.t.Fatalf("%v has ended: %s", p.Args, p.Complaints())
		}
	}
	if !armed.Alive(s.agent.PID()) {
		s.t.Fatal("reusewatch has ended")
	}
}

// settle has all readers leave, and gives what the agent holds then.
func (s *soak) settle() held {
	s.meter.settling(true)
	defer s.meter.settling(false)
	s.readers.leave()
	time.Sleep(5 * time.Second)
	return s.meter.least(5)
}

// tell tells what the agent of a failed run said.
func (s *soak) tell() {
	if s.t.Failed() {
		s.t.Logf("it complained: %s", s.agent.Complaints())
	}
}
