package chaos

import (
	"cmp"

	"github.com/reusewatch/reusewatch/internal/e2etest/armed"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// unhurt fails the cycle if somebody was touched who must not be.
func (c *cycle) unhurt(m *member) {
	c.t.Helper()
	if hurt := m.hurt(); hurt != "" {
		c.t.Errorf("WRONG ACT: %s", hurt)
	}
}

// await waits until who is at a dead end has been ended, and says what came of it.
func (c *cycle) await() string {
	if c.corpse == nil {
		return "nobody is dead"
	}
	return c.agent.AwaitEnd(c.corpse.what, c.corpse.pid, c.corpse.Ended)
}

// verdict says, once, what was done to whom.
func (c *cycle) verdict() {
	c.t.Helper()
	if c.judged || c.agent == nil {
		return
	}
	c.judged = true
	for _, m := range c.members {
		c.unhurt(m)
	}
	c.acts()
}

// acts holds what the agent did to what it may do: to end the one who is dead, once.
func (c *cycle) acts() {
	c.t.Helper()
	n := 0
	for _, e := range c.agent.Of("acting", "acted", "act_failed", "closed") {
		switch {
		case c.corpse == nil || e.PID != c.corpse.pid:
			c.t.Errorf("WRONG ACT: %s pid %d by %s", e.Event, e.PID, cmp.Or(e.Method, e.Action))
		case e.Time.Before(c.due) || c.due.IsZero():
			c.t.Errorf("WRONG ACT: %s %s at %s, and it was due at %s only", e.Event, c.corpse.what, e.Time, c.due)
		case e.Event == "act_failed":
			c.t.Errorf("the act failed: %s", e.Error)
		case e.Event == "acting":
			n++
		}
	}
	if n > 1 {
		c.t.Errorf("WRONG ACT: it was acted on %d times", n)
	}
}

// nothingLeft looks for what the agent and the scene left behind.
func (c *cycle) nothingLeft() {
	if migrate := c.ns.ReadSysctl("net.ipv4.tcp_migrate_req"); migrate != "0" {
		c.t.Errorf("LEFT: net.ipv4.tcp_migrate_req is %s", migrate)
	}
	if !livetest.Within(func() bool { return len(armed.Inhabitants(c.ns)) == 0 }) {
		c.t.Errorf("LEFT: processes %d are still in the namespace", armed.Inhabitants(c.ns))
	}
}
