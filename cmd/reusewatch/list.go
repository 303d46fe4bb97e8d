package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
)

type listCommand struct {
	looking
	std    streams
	fs     proc.FS
	output string
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
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	k, _, snap, err := c.look(ctx, c.fs, scope)
	if err != nil {
		return err
	}
	defer k.Close()
	_, chosen, settings := c.judge(snap, scope)
	if c.output == "json" {
		return report.List(c.std.out, frame(snap, chosen, &settings))
	}
	return report.Table(c.std.out, chosen, c.output == "wide")
}
