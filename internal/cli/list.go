package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/view"
	"github.com/reusewatch/reusewatch/internal/wire"
)

type listCommand struct {
	viewing
	std    streams
	fs     proc.FS
	output string
	sort   string
	stuck  bool
	every  time.Duration
}

func newList(std streams, fs proc.FS) *cobra.Command {
	c := &listCommand{std: std, fs: fs}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show every listener: its queue, its oldest client, its owner",
		Long: `list shows what the daemon sees if one runs. Else it looks once, with no history:
it attaches nothing, counts nothing, and can say "suspect" at the most. With --for
it watches that long first; --stuck shows what is stuck alone, watches long enough
to know, and exits with 1 if there is any.`,
		Example: "  reusewatch list --stuck\n  reusewatch list --port 80 --sort queue --watch 2s",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	c.add(cmd)
	c.addPeriod()
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "table", "table, wide or json")
	f.BoolVar(&c.stuck, "stuck", false, "only stuck listeners; exit code 1 if there is any")
	f.StringVar(&c.sort, "sort", "address", strings.Join(orderNames(), ", ")+": what comes first")
	f.DurationVar(&c.every, "watch", 0, "show it anew this often, until interrupted")
	return cmd
}

func (c *listCommand) checkFlags() error {
	if err := c.check(); err != nil {
		return err
	}
	if c.stuck && c.every == 0 {
		if err := c.longEnough(); err != nil {
			return err
		}
	}
	if c.output != "table" && c.output != "wide" && c.output != "json" {
		return usagef("unknown --output %q: it is table, wide or json", c.output)
	}
	if !slices.Contains(orderNames(), c.sort) {
		return usagef("unknown --sort %q: it is %s", c.sort, strings.Join(orderNames(), ", "))
	}
	if c.flags.Changed("watch") && c.every < c.interval {
		return usagef("--watch %s is shorter than --interval %s", c.every, c.interval)
	}
	return nil
}

func (c *listCommand) run(ctx context.Context) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	v, err := c.open(ctx, c.fs, scope, c.builtinWith(scope), c.period > 0 || c.every > 0)
	if err != nil {
		return err
	}
	defer v.Close()
	if c.every > 0 {
		return c.watch(ctx, v, scope)
	}
	period := c.period
	if _, own := v.(*view.Own); !own {
		period = 0 // the daemon has watched all the time
	}
	f, err := view.Latest(ctx, v, period)
	if err != nil {
		return err
	}
	stuck, err := c.show(c.std.out, f, scope)
	if err == nil && c.stuck && stuck {
		return exitStatus(ExitStuck)
	}
	return err
}

// watch shows frame after frame, on a terminal each in the place of the last one.
func (c *listCommand) watch(ctx context.Context, v view.View, scope *scope) error {
	wipe := ""
	if onTerminal(c.std.out) {
		wipe = "\x1b[H\x1b[2J"
	}
	for shown := (time.Time{}); ; {
		f, err := v.Next(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil //nolint:nilerr // interrupted: that is how it ends
		case err != nil:
			return err
		}
		// Half an interval: frames come at no exact moment.
		if f.Time.Sub(shown) < c.every-f.Interval/2 {
			continue
		}
		shown = f.Time
		if _, err := io.WriteString(c.std.out, wipe); err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
		if _, err := c.show(c.std.out, f, scope); err != nil {
			return err
		}
		if wipe == "" && c.output != "json" {
			fmt.Fprintln(c.std.out)
		}
	}
}

// show writes what the flags choose of a frame, and says whether any of it is stuck.
func (c *listCommand) show(w io.Writer, f *wire.Frame, scope *scope) (bool, error) {
	chosen := scope.chosen(f)
	isStuck := func(j listener.Judgement) bool { return j.Verdict == listener.Stuck }
	stuck := slices.ContainsFunc(chosen, isStuck)
	shown := *f
	shown.Listeners = chosen
	if c.stuck {
		shown.Listeners = slices.DeleteFunc(slices.Clone(chosen), func(j listener.Judgement) bool { return !isStuck(j) })
	}
	slices.SortStableFunc(shown.Listeners, orders()[c.sort])
	switch {
	case c.output == "json" && c.every > 0:
		return stuck, wire.WriteFrame(w, &shown)
	case c.output == "json":
		return stuck, wire.WriteIndented(w, &shown)
	}
	return stuck, report.Table(w, shown.Listeners, report.TableDetail{Wide: c.output == "wide", Of: chosen, Watched: f.Watched})
}

// orders are the ways to sort: by address, or the most of something first.
func orders() map[string]func(a, b listener.Judgement) int {
	accepted := func(j listener.Judgement) uint64 { return j.Accepted.Or(0) }
	return map[string]func(a, b listener.Judgement) int{
		"address":  func(a, b listener.Judgement) int { return listener.Compare(a.Listener, b.Listener) },
		"worst":    worstFirst,
		"queue":    func(a, b listener.Judgement) int { return cmp.Compare(b.Queue, a.Queue) },
		"oldest":   func(a, b listener.Judgement) int { return cmp.Compare(b.OldestWait.Or(0), a.OldestWait.Or(0)) },
		"accepted": func(a, b listener.Judgement) int { return cmp.Compare(accepted(b), accepted(a)) },
		"pid": func(a, b listener.Judgement) int {
			pid := func(j listener.Judgement) int {
				if len(j.Owners) == 0 {
					return 0
				}
				return j.Owners[0].PID
			}
			return cmp.Compare(pid(a), pid(b))
		},
	}
}

func orderNames() []string {
	return []string{"address", "worst", "queue", "oldest", "accepted", "pid"}
}
