package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
)

type explainCommand struct {
	looking
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

It looks once; with --for it watches that long first, and can then say whether
the listener is stuck, what its process does, and what an armed run would do.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.output != "table" && !cmd.Flags().Changed("clients") {
				c.clients = kernel.MaxClients
			}
			return c.run(cmd.Context(), args[0])
		},
	}
	c.add(cmd)
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "table", "table, wide or json; all but table show every client, thread and stack")
	f.DurationVar(&c.period, "for", 0, "watch this long before telling")
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
	k, w, snap, err := c.look(ctx, c.fs, scope)
	if err != nil {
		return err
	}
	defer k.Close()
	e, err := c.explain(name, snap, scope)
	if err != nil {
		return err
	}
	e.Listener = w.Closer(e.Listener)
	clients, err := k.Clients(e.Listener, min(c.clients, kernel.MaxClients))
	switch {
	case err == nil:
		e.Clients = listener.Known(clients)
	case !errors.Is(err, kernel.ErrNotListening):
		fmt.Fprintf(c.std.err, "reusewatch: %s\n", proc.Printable(err.Error()))
	}
	detail := report.ExplainDetail{Wide: c.output == "wide", Clients: c.clients}
	if c.output == "json" {
		return report.ExplainJSON(c.std.out, e, detail)
	}
	return report.Explain(c.std.out, e, detail)
}

// explain judges as a run with the default settings would, and picks the worst
// listener of that name.
func (c *explainCommand) explain(name string, snap *listener.Snapshot, scope *scope) (*report.Explanation, error) {
	all, inScope, settings := c.judge(snap, scope)
	chosen, note, err := choose(name, inScope)
	if err != nil {
		return nil, err
	}
	e := &report.Explanation{
		Judgement: chosen[0], Note: note, Tier: snap.Tier, Watched: snap.Watched, Interval: c.interval, Policy: thresholds(&settings),
	}
	for _, j := range all {
		if e.Reuseport && e.Group != 0 && j.Group == e.Group {
			e.Members = append(e.Members, j)
		}
	}
	for _, j := range chosen[1:] {
		// The members of its group are told beside it, with their cookies.
		if e.Group == 0 || j.Group != e.Group {
			e.Others = append(e.Others, j)
		}
	}
	return e, nil
}
