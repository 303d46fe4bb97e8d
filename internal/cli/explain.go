package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/view"
	"github.com/reusewatch/reusewatch/internal/wire"
)

type explainCommand struct {
	viewing
	std     streams
	fs      proc.FS
	output  string
	clients int
}

func newExplain(std streams, fs proc.FS) *cobra.Command {
	c := &explainCommand{std: std, fs: fs}
	cmd := &cobra.Command{
		Use:   "explain PORT|PID|COOKIE",
		Short: "Tell all about one listener: who waits, who holds it, what could be done",
		Long: `explain tells all that is known about one listener. A number is a port if a
listener has that port, else a pid; port:N, pid:N and cookie:HEX say which. Where
several go by the name it explains the worst, and names the others.

It tells what the daemon knows if one runs. Else it looks once; with --for it
watches that long first, and can then say whether the listener is stuck, what its
process does, and what an armed run would do.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.output != "table" && !cmd.Flags().Changed("clients") {
				c.clients = kernel.MaxClients
			}
			return c.run(cmd.Context(), args[0])
		},
	}
	c.add(cmd)
	c.addPeriod()
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "table", "table, wide or json; all but table show every client, thread and stack")
	f.IntVar(&c.clients, "clients", 10, "how many waiting clients to show, oldest first")
	return cmd
}

func (c *explainCommand) checkFlags() error {
	if err := c.check(); err != nil {
		return err
	}
	if c.output != "table" && c.output != "wide" && c.output != "json" {
		return usagef("unknown --output %q: it is table, wide or json", c.output)
	}
	if c.clients < 0 {
		return usagef("--clients %d is negative", c.clients)
	}
	return nil
}

func (c *explainCommand) run(ctx context.Context, name string) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	if _, err := readTarget(name); err != nil {
		return err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	v, err := c.open(ctx, c.fs, scope, c.builtinWith(scope), c.period > 0)
	if err != nil {
		return err
	}
	defer v.Close()
	e, err := c.explain(ctx, v, name, scope)
	if err != nil {
		return err
	}
	detail := report.ExplainDetail{Wide: c.output == "wide", Clients: c.clients}
	if c.output == "json" {
		return wire.WriteExplanation(c.std.out, e, c.clients, report.Tell(e))
	}
	return report.Explain(c.std.out, e, detail)
}

// explain picks the worst listener of that name.
func (c *explainCommand) explain(ctx context.Context, v view.View, name string, scope *scope) (*wire.Explanation, error) {
	f, err := view.Latest(ctx, v, c.period)
	if err != nil {
		return nil, err
	}
	chosen, note, err := choose(name, scope.chosen(f))
	if err != nil {
		return nil, err
	}
	e, err := v.Explain(ctx, chosen[0].Cookie, c.clients)
	if errors.Is(err, feed.ErrUnknown) {
		return nil, usagef("listener %s has just ended", chosen[0].Cookie)
	}
	if err != nil {
		return nil, err
	}
	e.Note = note
	for _, j := range chosen[1:] {
		// The members of its group are told beside it, with their cookies.
		if e.Group == 0 || j.Group != e.Group {
			e.Others = append(e.Others, j)
		}
	}
	return e, nil
}
