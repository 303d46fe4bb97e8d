package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
)

type listCommand struct {
	observing
	std    streams
	fs     proc.FS
	output string
	period time.Duration
}

func newList(std streams, fs proc.FS) *cobra.Command {
	c := &listCommand{std: std, fs: fs}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show every listener: its queue, its oldest client, its owner",
		Long: `list looks once, with no history: it attaches nothing, counts nothing, and can
say "suspect" at the most. With --for it watches that long first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	c.add(cmd)
	cmd.Flags().StringVarP(&c.output, "output", "o", "table", "table, wide or json")
	cmd.Flags().DurationVar(&c.period, "for", 0, "watch this long before telling")
	return cmd
}

func (c *listCommand) run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.output != "table" && c.output != "wide" && c.output != "json" {
		return usagef("unknown --output %q: it is table, wide or json", c.output)
	}
	if c.period < 0 {
		return usagef("--for %s is negative", c.period)
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	snap, err := c.look(ctx, scope)
	if err != nil {
		return err
	}
	policy := judge.Policy{StuckAfter: c.stuckAfter, Action: listener.Observe, Scope: scope.Filter}
	var chosen []listener.Judgement
	for _, j := range judge.Judge(snap, &policy) {
		if scope.Match(j.Listener) {
			chosen = append(chosen, j)
		}
	}
	if c.output == "json" {
		return report.List(c.std.out, snap, chosen)
	}
	return report.Table(c.std.out, chosen, c.output == "wide")
}

// look gives one look without history, or the last snapshot of a watched while.
func (c *listCommand) look(ctx context.Context, scope *scope) (*listener.Snapshot, error) {
	count := kernel.Count("")
	if c.period > 0 {
		count = kernel.CountAlways
	}
	k, w, err := c.open(c.fs, scope, count, c.period == 0)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	snap, err := w.Start()
	if err != nil || c.period == 0 {
		if err == nil {
			snap.Watched = false
		}
		return snap, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.period)
	defer cancel()
	err = w.Run(ctx, func(s *listener.Snapshot, _ []watchChange) { snap = s })
	return snap, err
}
