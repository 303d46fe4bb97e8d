package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/top"
	"github.com/reusewatch/reusewatch/internal/view"
)

type topCommand struct {
	viewing
	policyFlags
	actFlags
	std    streams
	fs     proc.FS
	batch  bool
	frames int
	allow  bool
	sort   string
}

func newTop(std streams, fs proc.FS) *cobra.Command {
	c := &topCommand{std: std, fs: fs}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch groups and their members live, the stuck ones on top",
		Long: `top shows groups and their members as they are, second by second: what the daemon
sees if one runs, else what it sees itself. While it runs every listener is counted.
Press ? in it for its keys.

With --allow-actions c and K close a listener or kill its process, as the commands
close and kill do: behind a question that shows the gate's answer, and through the
gate.`,
		Example: "  reusewatch top --port 80\n  reusewatch top -b -n 3 >frames.txt",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	c.viewing.add(cmd)
	c.addGate(cmd)
	c.actFlags.add(cmd)
	f := cmd.Flags()
	f.BoolVarP(&c.batch, "batch", "b", false, "print frames as plain text, without a terminal")
	f.IntVarP(&c.frames, "iterations", "n", 0, "end after this many frames; 0: go on (with --batch)")
	f.StringVar(&c.sort, "sort", string(top.Worst), strings.Join(sortNames(), ", ")+": what comes first")
	f.BoolVar(&c.allow, "allow-actions", false, "let c and K close and kill")
	return cmd
}

func (c *topCommand) checkFlags() error {
	if err := errors.Join(c.viewing.check(), c.policyFlags.check(c.stuckAfter), c.actFlags.check()); err != nil {
		return err
	}
	switch {
	case !slices.Contains(sortNames(), c.sort):
		return usagef("unknown --sort %q: it is %s", c.sort, strings.Join(sortNames(), ", "))
	case c.frames < 0:
		return usagef("--iterations %d is negative", c.frames)
	case c.frames > 0 && !c.batch:
		return usagef("--iterations goes with --batch")
	case c.allow && c.batch:
		return usagef("--allow-actions needs a terminal: it does not go with --batch")
	case !c.batch && !onTerminal(c.std.out):
		return usagef("top needs a terminal that can move its cursor; --batch prints frames without one")
	}
	return nil
}

func (c *topCommand) run(ctx context.Context) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	c.settings.SupersededAfter = c.superseded
	p, err := c.guarded(c.std, c.fs, scope.Filter, c.stuckAfter)
	if err != nil {
		return err
	}
	s := &topSource{scope: scope}
	s.open = func() (view.View, error) { return c.open(ctx, c.fs, scope, p, true) }
	first, err := s.connect()
	if err != nil {
		return err
	}
	defer s.close()
	from := "kernel"
	if d, ok := first.(*view.Daemons); ok {
		// What was the daemon's stays the daemon's, should it go and come back.
		from, c.from = "daemon", "unix:"+d.Path()
	}
	initial := top.View{Sort: top.Sort(c.sort)}
	if c.batch {
		return top.Batch(ctx, top.BatchOptions{Source: s, Out: c.std.out, Frames: c.frames, Env: os.Environ(), Initial: initial, From: from})
	}
	o := top.Options{Source: s, In: os.Stdin, Out: c.std.out, Env: os.Environ(), Initial: initial, From: from}
	if c.allow {
		o.Act = c.act
	}
	return top.Run(ctx, o)
}

func sortNames() []string {
	names := make([]string, 0, len(top.Sorts()))
	for _, s := range top.Sorts() {
		names = append(names, string(s))
	}
	return names
}

// act is `close` or `kill` with the flags that top was given.
func (c *topCommand) act(ctx context.Context, action listener.Action, cookie listener.Cookie, out io.Writer) error {
	hand := &byHand{
		observing: c.observing, policyFlags: c.policyFlags, actFlags: c.actFlags,
		std: streams{out, out}, fs: c.fs, action: action, events: eventFlags{output: "text"},
	}
	return hand.run(ctx, cookie.String())
}
