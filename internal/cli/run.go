package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

type runCommand struct {
	observing
	std     streams
	fs      proc.FS
	version string
	events  eventFlags
	count   string
	policyFlags
	actFlags
	metrics      metricsFlags
	allListeners bool
	record       string
}

func newRun(std streams, fs proc.FS, version string) *cobra.Command {
	c := &runCommand{std: std, fs: fs, version: version}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch, tell what is stuck, and when armed end its process",
		Long: `run watches until it is told to stop. By default it observes: it says what it
would do. Armed with --action kill it ends the process of a stuck listener once
every condition of its gate is met, and otherwise holds and says why.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	c.observing.add(cmd)
	c.policyFlags.add(cmd)
	c.actFlags.add(cmd)
	c.metrics.add(cmd)
	f := cmd.Flags()
	c.events.add(f)
	f.StringVar(&c.count, "count", "", "count always or suspected (default always in the functions tier, else suspected)")
	f.BoolVar(&c.allListeners, "all-listeners", false, "with --action close or kill: act on any listener, without a filter")
	f.StringVar(&c.record, "record", "", "write what is suspected to this file, for replay")
	return cmd
}

func (c *runCommand) checkFlags() error {
	if err := c.observing.check(); err != nil {
		return err
	}
	if err := c.events.check(); err != nil {
		return err
	}
	switch kernel.Count(c.count) {
	case "", kernel.CountAlways, kernel.CountSuspected:
	default:
		return usagef("unknown --count %q: it is always or suspected", c.count)
	}
	if err := c.policyFlags.check(c.stuckAfter); err != nil {
		return err
	}
	return c.actFlags.check()
}

func (c *runCommand) run(ctx context.Context) error {
	reloads := make(chan os.Signal, 1) // one that comes while it starts is for the policy, too
	signal.Notify(reloads, syscall.SIGHUP)
	defer signal.Stop(reloads)
	if err := c.checkFlags(); err != nil {
		return err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	unscoped := scope.IsZero() && !c.allListeners && c.config == ""
	if c.settings.Superseded != listener.Report && unscoped {
		return usagef("--superseded %s needs a filter (--port, --netns, --comm, …), a --config or --all-listeners", c.settings.Superseded)
	}
	if c.settings.Action != listener.Observe && unscoped {
		return usagef("--action %s needs a filter (--port, --netns, --comm, …), a --config or --all-listeners", c.settings.Action)
	}
	if err := journal.NewDir(c.stateDir).Check(); err != nil {
		return usageError{err}
	}
	policy, err := c.guarded(c.std, c.fs, scope.Filter, c.stuckAfter)
	if err != nil {
		return err
	}
	daemon.BoundHeap(c.fs)
	told, logged := daemon.NewOutlet(c.std.out), daemon.NewOutlet(c.std.err)
	defer told.End()
	defer logged.End()
	log := slog.New(slog.NewTextHandler(logged, nil))
	exporter, err := c.metrics.serve(log, c.interval, c.version)
	if err != nil {
		return err
	}
	defer exporter.Close()
	c.source = exporter.Source
	k, w, err := c.open(c.fs, scope, kernel.Count(c.count), false)
	if err != nil {
		return err
	}
	defer k.Close()
	defer exporter.Watch(log, k)()
	logTier(log, k)
	tier, _, _ := k.Tier()
	return daemon.Run(ctx, daemon.Options{
		Log: log, Told: told, Stream: c.events.stream(told), Logged: logged,
		Kernel: k, Tier: tier, Watcher: w, Interval: c.interval, Policy: policy,
		Reload:  func() (judge.Policy, error) { return c.policy(scope.Filter, c.stuckAfter, policy.Self) },
		Reloads: reloads, Acting: c.acting(), Exporter: exporter, Record: c.record,
	})
}

func logTier(log *slog.Logger, k *kernel.Kernel) {
	tier, reasons, lost := k.Tier()
	log.Info("kernel side attached", "tier", tier, "count", k.Counting())
	for _, r := range reasons {
		log.Info("tier not used", "tier", r.Tier, "reason", r.Err)
	}
	for _, l := range lost {
		log.Warn("signal unknown here", "signal", l.Signal, "hook", l.Target, "reason", l.Err)
	}
}
