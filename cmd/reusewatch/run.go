package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/record"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/state"
)

type runCommand struct {
	observing
	std    streams
	fs     proc.FS
	output string
	count  string
	policyFlags
	actFlags
	metrics      metricsFlags
	allListeners bool
	record       string
}

func newRun(std streams, fs proc.FS) *cobra.Command {
	c := &runCommand{std: std, fs: fs}
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
	f.StringVarP(&c.output, "output", "o", "text", "text, or json: one object a line")
	f.StringVar(&c.count, "count", "", "count always or suspected (default always in the functions tier, else suspected)")
	f.BoolVar(&c.allListeners, "all-listeners", false, "with --action close or kill: act on any listener, without a filter")
	f.StringVar(&c.record, "record", "", "write what is suspected to this file, for replay")
	return cmd
}

func (c *runCommand) checkFlags() error {
	if err := c.observing.check(); err != nil {
		return err
	}
	if c.output != "text" && c.output != "json" {
		return usagef("unknown --output %q: it is text or json", c.output)
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
	hup := make(chan os.Signal, 1) // one that comes while it starts is for the policy, too
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
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
	if err := state.At(c.stateDir).Check(); err != nil {
		return usageError{err}
	}
	policy, err := c.guarded(c.std, c.fs, scope.Filter, c.stuckAfter)
	if err != nil {
		return err
	}
	boundHeap(c.fs)
	told, logged := newOutlet(c.std.out), newOutlet(c.std.err)
	defer told.end()
	defer logged.end()
	log := slog.New(slog.NewTextHandler(logged, nil))
	exporter, err := c.metrics.serve(log, c.interval)
	if err != nil {
		return err
	}
	defer exporter.close()
	c.source = exporter.source
	k, w, err := c.open(c.fs, scope, kernel.Count(c.count), false)
	if err != nil {
		return err
	}
	defer k.Close()
	defer exporter.watch(log, k)()
	d := &daemon{
		log: log, exporter: exporter,
		changes: report.NewChanges(scope.Filter),
		told:    told,
		stream:  newStream(streams{told, logged}, c.output),
		policy:  policy,
		state:   state.At(c.stateDir),
		given:   make(map[acted]bool),
		again:   make(map[listener.Cookie]retry),
		said:    make(map[listener.Cookie]string),
		busy:    make(chan struct{}, 1),
	}
	d.notify = newNotifier(d.log, c.interval)
	defer d.notify.onAbort(c.stateDir, logged)()
	d.alive, d.finish = context.WithCancel(context.WithoutCancel(ctx))
	defer d.finish()
	if err := d.state.Sweep(); err != nil {
		d.log.Warn("after a crash", "error", err)
	}
	d.folder = watchFolder(d.alive, log, d.state)
	d.folder.fresh() // so that the first look knows
	if d.past.Acts, err = d.state.Acts(); err != nil {
		d.log.Warn("which acts were begun is not known: no budget is left until that can be read", "error", err)
		d.past.Lost = true
		d.folder.seek()
	}
	actor, auditLog, err := c.actor(acting{
		by: listener.ByRun, kernel: k, fs: c.fs, refresh: w.Refresh, judge: d.judge, policy: d.inForce,
		count: d.count, uncount: d.uncount, emit: d.emit, begun: d.begun, done: d.done, warn: d.warn,
		disarmed: d.disarmed,
	})
	if err != nil {
		return err
	}
	defer auditLog.Close()
	d.actor = actor
	if c.record != "" {
		tier, _, _ := k.Tier()
		if d.record, err = newRecorder(log, c.record, record.Header{Began: time.Now(), Tier: tier, Self: policy.Self}); err != nil {
			return usageError{err}
		}
		defer d.record.close()
	}
	d.reload = func() (judge.Policy, error) { return c.policy(scope.Filter, c.stuckAfter, policy.Self) }
	logTier(d.log, k)
	snap, err := w.Start()
	if err != nil {
		return err
	}
	recoverActs(actor, auditLog, snap, d.warn)
	if c.stateDir != "" {
		d.serve(socketIn(c.stateDir), k, w)
		defer d.endServing()
	}
	return d.watch(ctx, w, snap, hup)
}

// newStream writes events as text, or as JSON, one object a line.
func newStream(std streams, output string) report.Stream {
	if output == "json" {
		return report.NewJSONStream(std.out)
	}
	return report.NewTextStream(std.out)
}
