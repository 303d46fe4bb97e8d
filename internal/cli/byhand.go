package cli

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/text"
)

// byHand is `kill` and `close`: one act that a person decides on.
type byHand struct {
	observing
	policyFlags
	actFlags
	std    streams
	fs     proc.FS
	action listener.Action
	events eventFlags
	force  bool
	dryRun bool
}

func newKill(std streams, fs proc.FS) *cobra.Command {
	return newByHand(std, fs, listener.Kill, "End the process of one stuck listener", `kill ends the process that should accept on this listener and does not: SIGTERM,
after --term-grace SIGKILL, and if even that leaves the listener, its shutdown.`)
}

func newClose(std streams, fs proc.FS) *cobra.Command {
	return newByHand(std, fs, listener.Close, "Close one stuck listener; its process and its connections stay", `close takes this listener out of its group and leaves its process and its
connections alone. It refuses where several processes share the socket.`)
}

func newByHand(std streams, fs proc.FS, action listener.Action, short, what string) *cobra.Command {
	c := &byHand{std: std, fs: fs, action: action}
	soft := text.Join(softReasons(), ", ")
	cmd := &cobra.Command{
		Use:   string(action) + " COOKIE",
		Short: short,
		Long: what + `

It watches until the listener is stuck and every condition of the gate is met, as
an armed run would, or one holds that time will not change; then it exits with 5.
The clients that wait are moved to other members. --force overrules these reasons
and no others:

  ` + soft,
		Example: "  reusewatch list --stuck\n  reusewatch " + string(action) + " 1a2f --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	c.observing.add(cmd)
	c.addGate(cmd)
	c.actFlags.add(cmd)
	f := cmd.Flags()
	c.events.add(f)
	f.BoolVar(&c.force, "force", false, "act though soft reasons hold: "+soft)
	f.BoolVar(&c.dryRun, "dry-run", false, "say what would be done, and do nothing")
	return cmd
}

func (c *byHand) check() error {
	if err := errors.Join(c.observing.check(), c.policyFlags.check(c.stuckAfter), c.actFlags.check()); err != nil {
		return err
	}
	return c.events.check()
}

func (c *byHand) run(ctx context.Context, name string) error {
	if err := c.check(); err != nil {
		return err
	}
	named, err := readCookie(name)
	if err != nil {
		return err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	if err := journal.NewDir(c.stateDir).Check(); err != nil {
		return usageError{err}
	}
	p, err := c.guarded(c.std, c.fs, scope.Filter, c.stuckAfter)
	if err != nil {
		return err
	}
	k, w, err := c.open(c.fs, scope, "", false)
	if err != nil {
		return err
	}
	defer k.Close()
	return daemon.ByHand(ctx, daemon.HandOptions{
		Log: slog.New(slog.NewTextHandler(c.std.err, nil)), Stream: c.events.stream(c.std.out), Out: c.std.out, Err: c.std.err,
		Kernel: k, Watcher: w, Interval: c.interval, StuckAfter: c.stuckAfter, ActAfter: c.settings.ActAfter,
		Policy: p, Acting: c.acting(), Cookie: named, Action: c.action, Force: c.force, DryRun: c.dryRun,
	})
}

// readCookie takes a cookie as list prints it.
func readCookie(name string) (listener.Cookie, error) {
	readings, err := readTarget("cookie:" + strings.TrimPrefix(name, "cookie:"))
	if err != nil {
		return 0, usagef("%q is no cookie: `reusewatch list -o wide` shows them", name)
	}
	return listener.Cookie(readings[0].value), nil
}
