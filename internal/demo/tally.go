package demo

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// tally collects what the clients tell.
type tally struct {
	mu       sync.Mutex
	requests []request // by number, from 1 on
	checks   []note
	err      error
}

// request is one, from its beginning to its outcome.
type request struct {
	begun time.Time
	end   note // its Outcome is "" until there is one
}

// counts is what became of the requests that were begun in some while, and of
// the health checks that ended in it.
type counts struct {
	begun, answered, hung, reset, failed, open int
	checks, passed                             int

	by    map[int]int // answers by the pid of the server
	first string      // detail of the first that failed
}

// line takes a line of the clients.
func (t *tally) line(b []byte) {
	var n note
	err := json.Unmarshal(b, &n)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.spoil(fmt.Errorf("read what the clients tell: %w", err))
	case n.Request == 0:
		t.checks = append(t.checks, n)
	case n.Outcome == begun && n.Request == len(t.requests)+1:
		t.requests = append(t.requests, request{begun: n.At})
	case n.Outcome != begun && n.Request > 0 && n.Request <= len(t.requests):
		t.requests[n.Request-1].end = n
	default:
		t.spoil(fmt.Errorf("the clients tell of request %d, %s, out of turn", n.Request, n.Outcome))
	}
}

func (t *tally) spoil(err error) {
	if t.err == nil {
		t.err = err
	}
}

// of counts from one moment up to another. The error tells that a line was not
// understood.
func (t *tally) of(from, to time.Time) (counts, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	within := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
	c := counts{by: make(map[int]int)}
	for _, r := range t.requests {
		if within(r.begun) {
			c.add(r.end)
		}
	}
	for _, n := range t.checks {
		if !within(n.At) {
			continue
		}
		c.checks++
		if n.Outcome == checkPassed {
			c.passed++
		}
	}
	return c, t.err
}

func (c *counts) add(end note) {
	c.begun++
	switch end.Outcome {
	case answered:
		c.answered++
		c.by[end.By]++
	case hung:
		c.hung++
	case reset:
		c.reset++
	case "":
		c.open++
	default:
		c.failed++
		if c.first == "" {
			c.first = end.Detail
		}
	}
}

// share is a part of the requests begun, in words.
func (c *counts) share(n int) string {
	if c.begun == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(c.begun))
}

// row of the table that compares two phases.
type row struct{ name, before, after string }

// compare sets two phases side by side. Outcomes that neither has are left out.
func compare(before, after *counts) []row {
	number := func(name string, b, a int) row { return row{name, fmt.Sprint(b), fmt.Sprint(a)} }
	rows := []row{
		number("requests begun", before.begun, after.begun),
		number("answered", before.answered, after.answered),
		number("hung", before.hung, after.hung),
	}
	if before.reset+after.reset > 0 {
		rows = append(rows, number("reset", before.reset, after.reset))
	}
	if before.failed+after.failed > 0 {
		rows = append(rows, number("failed otherwise", before.failed, after.failed))
	}
	return append(rows,
		row{"share that hangs", before.share(before.hung), after.share(after.hung)},
		row{"health checks passed", passed(before), passed(after)},
	)
}

func passed(c *counts) string { return fmt.Sprintf("%d of %d", c.passed, c.checks) }
