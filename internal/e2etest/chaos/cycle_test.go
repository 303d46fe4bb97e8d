package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// cycle is a plan that is played, in a network namespace of its own.
type cycle struct {
	t     *testing.T
	plan  *plan
	kind  kind
	zoo   string
	ns    *livetest.Namespace
	dir   string
	agent *armed.Agent

	members []*member // who must live
	corpse  *member   // who is at a dead end; nil: nobody is
	logs    map[string]*drain
	named   int
	clients *armed.Clients

	// due is when everything was there that an act needs; zero: not yet. The events of the
	// agent before it are not to be acts.
	due    time.Time
	joined bool // the younger sibling of the plan is there
	undo   []undoing
	judged bool
}

// undoing is what ends the state of somebody, at the time.
type undoing struct {
	at time.Time
	do func()
}

func (c *cycle) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cycle) write(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	c.must(os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (c *cycle) name() string {
	c.named++
	return fmt.Sprintf("m%d", c.named)
}

// play plays all of it, and says what came of it: "nobody is dead", "acted", "held: …".
func (c *cycle) play(binary string) string {
	defer c.verdict()          // also where the scene could not go on
	c.t.Cleanup(c.nothingLeft) // the last to run but for the namespace
	c.dir, c.logs = c.t.TempDir(), map[string]*drain{}
	c.kind = kindOf(c.plan.kind)
	c.clients = armed.NewClients(c.t, c.ns, c.kind.word(), c.plan.bursts)
	c.agent = armed.New(c.t, binary, c.ns, c.t.TempDir(),
		"--stuck-after", "2s", "--act-after", "4s", "--interval", "250ms")
	if !c.plan.late {
		c.agent.Start()
	}
	for range c.plan.members {
		c.healthy()
	}
	if c.plan.late {
		c.agent.Start()
	}
	ctx, end := context.WithCancel(context.Background())
	c.t.Cleanup(end)
	if c.plan.members > 0 {
		c.clients.Come(ctx)
	}
	for i, s := range c.plan.steps {
		if i == c.plan.younger && c.corpse != nil {
			c.younger()
		}
		c.idle(s.wait)
		c.step(s)
		if i == 0 && c.plan.members == 0 {
			c.clients.Come(ctx)
		}
	}
	for len(c.undo) > 0 {
		c.idle(time.Until(c.undo[0].at))
	}
	if c.corpse != nil && !c.joined {
		c.younger()
	}
	word := c.await()
	end()
	if c.corpse == nil || c.corpse.Ended() { // who waits with one that is still there gets no answer
		c.clients.AwaitAnswers(c.t)
	}
	c.agent.Stop()
	c.verdict()
	return word
}

// healthy starts a member that serves.
func (c *cycle) healthy() *member {
	name := c.name()
	m := c.start(c.plan.kind, c.kind.command(c, name))
	m.name = name
	livetest.AwaitListening(c.t, m.pid, armed.Port)
	c.kind.ready(c, m)
	c.joins(m)
	return m
}

// younger has a healthy sibling join that began after whoever is dead: now an act is due.
func (c *cycle) younger() {
	time.Sleep(50 * time.Millisecond) // starts are told in hundredths of a second
	c.mayAct()
	c.healthy()
	c.joined = true
}

// mayAct: from now on somebody may be younger than who is dead.
func (c *cycle) mayAct() {
	if c.corpse != nil && c.due.IsZero() {
		c.due = time.Now()
	}
}

// idle waits, and undoes what is to be undone meanwhile.
func (c *cycle) idle(d time.Duration) {
	until := time.Now().Add(d)
	for len(c.undo) > 0 && !c.undo[0].at.After(until) {
		u := c.undo[0]
		c.undo = c.undo[1:]
		time.Sleep(time.Until(u.at))
		u.do()
	}
	time.Sleep(time.Until(until))
}

func (c *cycle) step(s step) {
	var undo func()
	switch s.event {
	case "dead":
		c.corpse = c.kind.dies(c, s.how)
		livetest.AwaitListening(c.t, c.corpse.pid, armed.Port)
	case "stranger":
		c.stranger(s.how)
	case "join":
		c.mayAct()
		c.healthy()
	case "agent":
		undo = c.disturb(s.how)
	case "suspend":
		undo = c.suspend(c.members[s.member])
	default:
		var m *member
		if s.member < len(c.members) {
			m = c.members[s.member]
		}
		c.mayAct()
		if hangs(s) {
			c.agent.Looks(3) // that it serves is to be known
		}
		undo = c.kind.event(c, s, m)
	}
	if undo != nil {
		c.undo = append(c.undo, undoing{time.Now().Add(s.lasts), undo})
		slices.SortFunc(c.undo, func(a, b undoing) int { return a.at.Compare(b.at) })
	}
}

// disturb does something to the agent.
func (c *cycle) disturb(how string) (undo func()) {
	switch how {
	case "stop":
		c.agent.Signal(syscall.SIGSTOP)
		return func() { c.agent.Signal(syscall.SIGCONT) }
	case "kill":
		c.agent.End(syscall.SIGKILL)
	default:
		c.agent.Signal(syscall.SIGCONT)
		c.agent.Stop()
	}
	c.agent.Start()
	return nil
}

// replace has a member be another one, which the scene itself starts in place of it.
func (c *cycle) replace(m, by *member) {
	c.t.Helper()
	livetest.AwaitListening(c.t, by.pid, armed.Port)
	c.settle(by)
	c.members[slices.Index(c.members, m)] = by
}
