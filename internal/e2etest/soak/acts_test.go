package soak

import (
	"context"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// acts is what came of those who were stuck, one a minute.
type acts struct {
	stuck           []int // pids
	acted           int
	asked, answered int64
	moved           int // of the clients, from the stuck ones
	held            []string
}

// act has a member be at a dead end beside the healthy one, while clients come, and waits
// until it has been ended and each client has its answer.
func (s *soak) act(minute int) {
	s.t.Helper()
	deadEnds := []string{"pause", "own-pipe-full", "sigwait", "own-pair", "sigsuspend", "own-pipe-read", "handler-lock"}
	how := deadEnds[minute%len(deadEnds)]
	clients := armed.NewClients(s.t, s.ns, "x", false)
	stuck := s.member(how, armed.Port, "")
	s.acts.stuck = append(s.acts.stuck, stuck.PID())
	stuck.Await("set")
	ctx, end := context.WithCancel(context.Background())
	defer end()
	clients.Come(ctx)
	// What it is waited for by asks for 20,000 listeners each time.
	if livetest.Within(stuck.Ended); !stuck.Ended() {
		if word := s.agent.AwaitEnd(how, stuck.PID(), stuck.Ended); word != "acted" {
			s.acts.held = append(s.acts.held, word)
		}
	}
	end()
	if stuck.Ended() {
		s.acts.acted++
	} else { // who waits there is reset, and asks again
		clients.Lossy.Store(true)
		s.must(stuck.Process.Kill())
	}
	clients.AwaitAnswers(s.t)
	s.acts.asked += clients.Asked.Load()
	s.acts.answered += clients.Answered.Load()
}

// judged holds what the agent did to what it may do: to end each who was stuck, once, and
// nobody else.
func (s *soak) judged() {
	s.t.Helper()
	begun := map[int]int{}
	for _, e := range s.agent.Of("acting", "closed", "acted", "act_failed") {
		if !slices.Contains(s.acts.stuck, e.PID) {
			s.t.Errorf("WRONG ACT: %s pid %d at %s", e.Event, e.PID, e.Time.Format(time.TimeOnly))
		}
		switch e.Event {
		case "act_failed":
			s.t.Errorf("the act on pid %d failed: %s", e.PID, e.Error)
		case "acting":
			begun[e.PID]++
		case "acted":
			if e.Rescued != nil { // else it is not known: on a slow host a count may come too late
				s.acts.moved += *e.Rescued
			}
		}
	}
	for pid, n := range begun {
		if n > 1 {
			s.t.Errorf("WRONG ACT: pid %d was acted on %d times", pid, n)
		}
	}
	if s.healthy.Ended() || !slices.Equal(livetest.Listening(s.healthy.PID(), armed.Port), s.sockets) {
		s.t.Errorf("WRONG ACT: the healthy one (pid %d) was touched", s.healthy.PID())
	}
}
