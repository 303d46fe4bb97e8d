package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/view"
)

type checkCommand struct {
	viewing
	std    streams
	fs     proc.FS
	output string
	expect int           // generations in each group; 0: that is not asked
	wait   time.Duration // for as many
	newer  string        // since when they began; not given: that is not asked
}

func newCheck(std streams, fs proc.FS) *cobra.Command {
	c := &checkCommand{std: std, fs: fs}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Watch for a moment, and exit with 1 if anything is stuck",
		Long: `check is for cron, CI and the hook after a reload: it watches for --for, long enough
to tell, and says the result in one line. It exits with 1 if a listener is stuck or
the filters match none. These causes are let pass, for they end by themselves:
` + text.Join(listener.CausesOfLoad(), ", ") + `.

With --expect-generations it asks something else, which is for the hook after a
reload: does each group have that many generations, and no older one beside the one
that was just started? It looks for up to --wait, and ends as soon as it is so.
A reload that did nothing leaves one generation, too: the old one. So take a moment
before the reload, and give it to --newer-than: who accepts must have begun after it.
That is an RFC 3339 time, a duration ago such as 30s, or file:PATH, for when that file
was last written. A new worker behind an old socket is a new one.

With -o nagios it prints a plugin's line with performance data, and exits with the
plugin's codes: 0 OK, 2 CRITICAL, 3 UNKNOWN.`,
		Example: "  reusewatch check --port 80 --for 10s\n  reusewatch check --comm haproxy -o nagios\n  reusewatch check --expect-generations 1 --port 80 --wait 10s\n" +
			"  touch /run/reload-stamp; systemctl reload haproxy\n  reusewatch check --expect-generations 1 --newer-than file:/run/reload-stamp --port 80",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	c.observing.add(cmd)
	c.flags = cmd.Flags()
	c.from = "kernel" // whatever a daemon knows, the caller wants to know of from now on
	c.addPeriod()
	c.flags.StringVarP(&c.output, "output", "o", "text", "text or nagios")
	c.flags.IntVar(&c.expect, "expect-generations", 0, "exit with 1 unless each group that the filters choose has this many generations of its program")
	c.flags.DurationVar(&c.wait, "wait", 10*time.Second, "with --expect-generations: how long it may take until then")
	c.flags.StringVar(&c.newer, "newer-than", "", "with --expect-generations: and unless who accepts began after this: a time, a duration ago, or file:PATH")
	return cmd
}

func (c *checkCommand) run(ctx context.Context) error {
	if c.output != "text" && c.output != "nagios" {
		return usagef("unknown --output %q: it is text or nagios", c.output)
	}
	look := c.look
	if c.flags.Changed("expect-generations") {
		look = c.expectGenerations
	} else {
		for _, name := range []string{"wait", "newer-than"} {
			if c.flags.Changed(name) {
				return usagef("--%s goes with --expect-generations", name)
			}
		}
	}
	found, err := look(ctx)
	if c.output == "nagios" {
		return c.plugin(found, err)
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.std.out, report.CheckLine(found)); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if found.Failed() {
		return exitStatus(ExitStuck)
	}
	return nil
}

// The codes of monitoring plugins.
const (
	PluginCritical = 2
	PluginUnknown  = 3
)

func (c *checkCommand) plugin(found *report.Check, err error) error {
	line, status := "", error(nil)
	switch {
	case err != nil:
		line, status = report.UnknownPluginLine(err), exitStatus(PluginUnknown)
	case found.Failed():
		line, status = report.PluginLine(found), exitStatus(PluginCritical)
	default:
		line = report.PluginLine(found)
	}
	if _, err := fmt.Fprintln(c.std.out, line); err != nil {
		return errors.Join(exitStatus(PluginUnknown), err)
	}
	return status
}

// look watches and gives what was found.
func (c *checkCommand) look(ctx context.Context) (*report.Check, error) {
	if err := errors.Join(c.check(), c.longEnough()); err != nil {
		return nil, err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return nil, err
	}
	defer scope.close()
	v, err := c.open(ctx, c.fs, scope, c.builtinWith(scope), true)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	began := time.Now()
	f, err := view.Latest(ctx, v, c.period)
	if err != nil {
		return nil, fmt.Errorf("check ended after %s of %s: %w", time.Since(began).Round(time.Second), c.period, err)
	}
	found := &report.Check{Watched: c.period, Listeners: scope.chosen(f), Filtered: !scope.IsZero()}
	for _, j := range found.Listeners {
		if j.Verdict == listener.Stuck && !j.Cause.Row().Load {
			found.Stuck = append(found.Stuck, j)
		}
	}
	slices.SortStableFunc(found.Stuck, worstFirst)
	return found, nil
}
