// Package chaos plays scenes that a seed draws: groups of real servers, to which happens
// what happens to servers, beside an armed reusewatch that is restarted, killed and stopped
// meanwhile. Who is at a dead end must be ended, once; nobody else may be touched; and
// every client gets its answer. It drives the built binary, armed for one network namespace
// that the cycle made.
package chaos

import (
	"fmt"
	"os"
	"testing"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/e2etest/zoo"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asCycles asks for so many; 20. `make chaos` passes it on, as it does what package armed
// reads.
const asCycles = "CYCLES"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		fmt.Fprintln(os.Stderr, beServer(os.Args[1:]))
		os.Exit(1)
	}
	armed.Main(m)
}

// TestChaos plays as many cycles as are asked for.
func TestChaos(t *testing.T) {
	livetest.Root(t)
	program, built := zoo.Program(t), armed.Build(t)
	armed.Play(t, "chaos", asCycles, 20, func(t *testing.T, seed uint64, p *armed.Played) {
		c := &cycle{t: t, plan: draw(seed), zoo: program, ns: livetest.Netns(t)}
		p.Plan = c.plan
		t.Cleanup(func() {
			p.More = fmt.Sprintf("%d clients, %d asked again", c.clients.Answered.Load(), c.clients.Again.Load())
		})
		t.Cleanup(c.tellAll)
		p.Word = c.play(built)
	})
}

// tellAll tells what a failed cycle's agent said of more than suspicions.
func (c *cycle) tellAll() {
	if !c.t.Failed() || c.agent == nil {
		return
	}
	c.t.Logf("seed %d: %s\n%s", c.plan.seed, c.plan, c.agent.Complaints())
	for _, e := range c.agent.Of("ready", "stuck", "held", "acting", "closed", "acted", "act_failed", "recovered") {
		pid := e.PID
		if len(e.Listener.Owners) > 0 && pid == 0 {
			pid = e.Listener.Owners[0].PID
		}
		at := e.Time.Format("15:04:05.000")
		c.t.Logf("%s %s pid %d: %s %s %s", at, e.Event, pid, e.Listener.Cause, e.Listener.Why(), e.Error)
	}
}
