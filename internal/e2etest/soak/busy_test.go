package soak

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

const (
	idleListeners = 20_000
	holders       = 5     // processes, among which those are
	firstPort     = 10000 // of the many, on addresses of their own
	birthsASecond = 500
)

// listeners are those who are there before the agent: the idle ones, and one that serves.
func (s *soak) listeners() {
	for i := range holders {
		p := s.member("idle", firstPort, fmt.Sprintf("%d %d", i, idleListeners/holders))
		p.Await("set")
	}
	s.healthy = s.member("serve", armed.Port, "")
	s.healthy.Await("set")
	s.sockets = livetest.Listening(s.healthy.PID(), armed.Port)
}

func (s *soak) member(mode string, port int, arg string) *livetest.Program {
	return s.ns.Start(s.t, exec.Command(s.zoo, mode, strconv.Itoa(port), mode[:1], "fresh", arg))
}

// policy allows as many acts as there are minutes: by default five an hour are the host's.
func (s *soak) policy() string {
	path := filepath.Join(s.t.TempDir(), "policy.yaml")
	budget := fmt.Sprintf("%d/1h", s.minutes)
	s.must(os.WriteFile(path, []byte("version: 1\nhost-budget: "+budget+"\ndefaults:\n  max-acts: "+budget+"\n"), 0o600))
	return path
}

// born is how many listeners were.
func (s *soak) born() (n int) {
	if said := s.births.Said(); len(said) > 0 {
		_, err := fmt.Sscanf(said[len(said)-1], "born %d", &n)
		s.must(err)
	}
	return n
}
