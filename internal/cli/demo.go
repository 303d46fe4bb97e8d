package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/demo"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/proc"
)

func newDemo(std streams, fs proc.FS) *cobra.Command {
	c := &demoCommand{std: std, fs: fs}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it in about 20 s: clients that hang, why, and the end of that",
		Long: `demo needs root and no server. In a network namespace of its own it starts two
servers on one port, of which one never accepts, and clients that hang at it.
Then "reusewatch run", armed for that namespace alone, finds the one and ends it.
Nothing outside the namespace is touched, and nothing is left behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Flags().Visit(func(f *pflag.Flag) { c.given = append(c.given, "--"+f.Name, f.Value.String()) })
			return c.run(cmd.Context())
		},
	}
	c.add(cmd.Flags())
	cmd.AddCommand(&cobra.Command{
		Use:    demo.RoleCommand + " NAME",
		Short:  "Play a part of the demo (internal)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return demo.Play(args[0], std.out)
		},
	})
	return cmd
}

type demoCommand struct {
	kernelFlags
	given []string // of the kernel's flags
	std   streams
	fs    proc.FS
}

func (c *demoCommand) run(ctx context.Context) error {
	if err := c.canObserve(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program itself, to start it again: %w", err)
	}
	err = demo.Run(ctx, demo.Options{
		Out: c.std.out, Terminal: onTerminal(c.std.out), Exe: exe, Flags: c.given,
	})
	if errors.Is(err, demo.ErrNoStage) {
		return &kernel.CannotObserve{
			Missing: "the demo's sandbox", WayOut: "run it as root, outside of a container", Err: err,
		}
	}
	return err
}

// canObserve tries what the demo's `reusewatch run` will do: better to fail
// now than half way.
func (c *demoCommand) canObserve() error {
	o := observing{stuckAfter: demo.StuckAfter, interval: demo.Interval, kernelFlags: c.kernelFlags}
	if err := o.check(); err != nil {
		return err
	}
	everywhere := &scope{}
	defer everywhere.close()
	k, _, err := o.open(c.fs, everywhere, "", false)
	if err != nil {
		return err
	}
	return k.Close()
}
