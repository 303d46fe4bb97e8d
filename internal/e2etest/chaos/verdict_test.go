package chaos

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

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
	began, last, starved, delayed := time.Now(), "nothing was said", 0, c.agent.delayed()
	for looks := 1; !c.corpse.Ended(); looks++ {
		if l, said := c.agent.says(c.corpse.pid); said {
			last = l.why()
			if l.Decision != nil && slices.Contains(l.Decision.Reasons, "starved") {
				starved++
			}
		}
		if time.Since(began) > longEnough {
			switch {
			case 2*starved > looks:
				return "held: starved"
			case c.agent.delayed()-delayed > longEnough/4:
				return "held: the agent was starved"
			}
			c.t.Errorf("MISS: %s pid %d is still there after %s: %s", c.corpse.what, c.corpse.pid, longEnough, last)
			return "failed"
		}
		time.Sleep(500 * time.Millisecond)
	}
	return "acted"
}

// answered waits until every client has its answer. Who waits with one that was to be
// ended and was not, never gets one.
func (c *cycle) answered() {
	c.t.Helper()
	if c.corpse != nil && !c.corpse.Ended() {
		return
	}
	began := time.Now()
	for c.clients.waiting() > 0 && time.Since(began) < longEnough {
		c.clients.mu.Lock()
		failed := slices.Clone(c.clients.failed)
		c.clients.mu.Unlock()
		if len(failed) > 0 && int64(len(failed)) == c.clients.waiting() {
			c.t.Errorf("LOST: %d of %d clients, the first: %v", len(failed), c.clients.asked.Load(), failed[0])
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n := c.clients.waiting(); n > 0 {
		c.t.Errorf("LOST: %d of %d clients have no answer", n, c.clients.asked.Load())
	}
	if c.clients.asked.Load() == 0 {
		c.t.Error("no client came")
	}
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
	for _, e := range c.agent.of("acting", "acted", "act_failed", "closed") {
		switch {
		case e.Event == "closed" && e.PID == 0:
			continue // a listener ended, by whomever
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
	if !livetest.Within(func() bool { return len(inhabitants(c.ns)) == 0 }) {
		c.t.Errorf("LEFT: processes %d are still in the namespace", inhabitants(c.ns))
	}
}

// inhabitants are the processes of a network namespace, but for the test's own.
func inhabitants(ns *livetest.Namespace) []int {
	var all []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		in, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err == nil && in == fmt.Sprintf("net:[%d]", ns.Inode) {
			all = append(all, pid)
		}
	}
	return all
}
