package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/report"
)

// expectedLooks in a row must find as many generations as are expected: what a
// reload has just started may not listen yet, and what it replaces may.
const expectedLooks = 3

// expectGenerations looks until each group has as many generations as it should, and
// they began when they should, or the time is over.
func (c *checkCommand) expectGenerations(ctx context.Context) (*report.Check, error) {
	switch {
	case c.expect < 1:
		return nil, usagef("--expect-generations %d: it is 1 or more", c.expect)
	case c.wait < expectedLooks*c.interval:
		return nil, usagef("--wait %s is too short: %s is the least, three looks", c.wait, expectedLooks*c.interval)
	case c.flags.Changed("for"):
		return nil, usagef("--for does not go with --expect-generations: that looks for --wait at the most")
	}
	found := &report.Check{Expected: c.expect}
	if c.flags.Changed("newer-than") {
		var err error
		if found.NewerThan, err = moment(c.newer, time.Now()); err != nil {
			return nil, err
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return nil, err
	}
	defer scope.close()
	p := c.builtinWith(scope)
	p.Default.SupersededAfter = 0 // a hook wants to know at once whose is left
	v, err := c.open(ctx, c.fs, scope, p, true)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	began := time.Now()
	limited, cancel := context.WithDeadline(ctx, began.Add(c.wait))
	defer cancel()
	for looks := 0; ; {
		f, err := v.Next(limited)
		switch {
		case err != nil && ctx.Err() == nil && limited.Err() != nil:
			return found, nil // the time is over: what was found last holds
		case err != nil:
			return nil, fmt.Errorf("check ended after %s of %s: %w", time.Since(began).Round(time.Second), c.wait, err)
		}
		found.Watched, found.Listeners = time.Since(began), scope.chosen(f)
		if looks++; len(found.Listeners) == 0 || found.Unexpected() != nil {
			looks = 0
		}
		if found.AsExpected = looks >= expectedLooks; found.AsExpected {
			return found, nil
		}
	}
}
