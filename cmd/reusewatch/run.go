package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
)

type watchChange = watch.Change

type runCommand struct {
	observing
	std          streams
	fs           proc.FS
	output       string
	count        string
	action       string
	actAfter     time.Duration
	termGrace    time.Duration
	startupGrace time.Duration
	protect      []string
	allListeners bool
}

// protectedAlways are never acted on: their end is the end of the host's other work.
func protectedAlways() []string {
	return []string{"systemd", "sshd", "kubelet", "containerd", "dockerd", "crio"}
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
	c.add(cmd)
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "text", "text, or json: one object a line")
	f.StringVar(&c.count, "count", "", "count always or suspected (default always in the functions tier, else suspected)")
	f.StringVar(&c.action, "action", "observe", "observe or kill")
	f.DurationVar(&c.actAfter, "act-after", 30*time.Second, "how long the same client must stand at the head before an act")
	f.DurationVar(&c.termGrace, "term-grace", 5*time.Second, "between SIGTERM and SIGKILL")
	f.DurationVar(&c.startupGrace, "startup-grace", 5*time.Minute, "how long a listener may take to its first accept while no younger member of its group has accepted")
	f.StringArrayVar(&c.protect, "protect", nil, "never act on a process of this name (adds to systemd, sshd, kubelet, containerd, dockerd, crio)")
	f.BoolVar(&c.allListeners, "all-listeners", false, "with --action kill: act on any listener, without a filter")
	return cmd
}

func (c *runCommand) checkFlags() error {
	if err := c.check(); err != nil {
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
	switch listener.Act(c.action) {
	case listener.Observe, listener.Kill:
	default:
		return usagef("unknown --action %q: it is observe or kill", c.action)
	}
	if c.actAfter < c.stuckAfter {
		return usagef("--act-after %s is shorter than --stuck-after %s", c.actAfter, c.stuckAfter)
	}
	if c.termGrace < 0 || c.startupGrace < 0 {
		return usagef("--term-grace and --startup-grace cannot be negative")
	}
	return nil
}

func (c *runCommand) run(ctx context.Context) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	scope, err := c.filter.open(c.fs)
	if err != nil {
		return err
	}
	defer scope.close()
	if c.action != string(listener.Observe) && scope.IsZero() && !c.allListeners {
		return usagef("--action %s needs a filter (--port, --netns, --comm, …) or --all-listeners", c.action)
	}
	self, err := c.fs.Ancestors(os.Getpid())
	if err != nil {
		return fmt.Errorf("find own ancestors: %w", err)
	}
	k, w, err := c.open(c.fs, scope, kernel.Count(c.count), false)
	if err != nil {
		return err
	}
	defer k.Close()
	d := &daemon{
		log:     slog.New(slog.NewTextHandler(c.std.err, nil)),
		changes: report.NewChanges(scope.Filter),
		stream:  c.stream(),
		policy: judge.Policy{
			StuckAfter: c.stuckAfter, ActAfter: c.actAfter, StartupGrace: c.startupGrace,
			Action: listener.Act(c.action), Scope: scope.Filter,
			Protect: append(protectedAlways(), c.protect...), Self: append(self, os.Getpid()),
		},
		given: make(map[processID]bool),
	}
	d.killer = remedy.Killer{
		Refresh: w.Refresh, Proc: c.fs, TermGrace: c.termGrace, Acting: d.acting,
		Judge: func(s *listener.Snapshot) []listener.Judgement { return judge.Judge(s, &d.policy) },
	}
	logTier(d.log, k)
	snap, err := w.Start()
	if err != nil {
		return err
	}
	return d.watch(ctx, w, snap)
}

func (c *runCommand) stream() report.Stream {
	if c.output == "json" {
		return report.NewJSONStream(c.std.out)
	}
	return report.NewTextStream(c.std.out)
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

// processID is a process and no other with its pid.
type processID struct {
	pid   int
	start uint64
}

// daemon joins watcher, judge, remedy and report.
type daemon struct {
	log     *slog.Logger
	policy  judge.Policy
	changes *report.Changes
	killer  remedy.Killer

	mu     sync.Mutex // of the stream, which an act writes to beside the watcher
	stream report.Stream
	failed error

	acts   sync.WaitGroup
	busy   chan struct{} // holds one token while an act is under way
	given  map[processID]bool
	finish context.CancelFunc
}

func (d *daemon) watch(ctx context.Context, w *watch.Watcher, first *listener.Snapshot) error {
	d.busy = make(chan struct{}, 1)
	ctx, d.finish = context.WithCancel(ctx)
	defer d.finish()
	d.emit(report.Event{Time: time.Now(), Kind: report.Ready, Tier: first.Tier, Count: len(first.Listeners)})
	d.publish(ctx, first, nil)
	err := w.Run(ctx, func(s *listener.Snapshot, changes []watch.Change) { d.publish(ctx, s, changes) })
	d.finish()
	d.acts.Wait()
	return errors.Join(err, d.failed)
}

func (d *daemon) publish(ctx context.Context, s *listener.Snapshot, changes []watch.Change) {
	js := judge.Judge(s, &d.policy)
	for _, c := range changes {
		if !c.Began {
			d.emit(d.changes.Ended(c.At, c.Listener)...)
			continue
		}
		for i := range js {
			if js[i].Cookie == c.Listener.Cookie {
				d.emit(d.changes.Began(c.At, &js[i])...)
			}
		}
	}
	d.emit(d.changes.Update(time.Now(), js)...)
	for _, j := range js {
		if j.Decision != nil && j.Decision.Act == listener.Kill {
			d.act(ctx, j)
		}
	}
}

// act starts one act at a time, and none twice on a process.
func (d *daemon) act(ctx context.Context, j listener.Judgement) {
	select {
	case d.busy <- struct{}{}:
	default:
		return
	}
	d.acts.Add(1)
	go func() {
		defer d.acts.Done()
		defer func() { <-d.busy }()
		d.kill(ctx, j)
	}()
}

func (d *daemon) kill(ctx context.Context, j listener.Judgement) {
	owner := processID{j.Culprit, j.Owners[0].Start}
	if d.given[owner] {
		return
	}
	act, err := d.killer.Kill(ctx, j)
	if errors.Is(err, remedy.ErrChanged) {
		d.log.Info("held at the last look", "cookie", j.Cookie, "pid", j.Culprit, "detail", err)
		j.Decision = &listener.Decision{
			Act: listener.Hold, Reason: listener.ChangedMeanwhile, Reasons: []listener.Reason{listener.ChangedMeanwhile},
		}
		d.emit(report.Event{Time: time.Now(), Kind: report.Held, Listener: &j})
		return
	}
	d.given[owner] = true
	e := report.Event{Time: time.Now(), Kind: report.Acted, Listener: &j, Act: actOf(act)}
	if err != nil {
		e.Kind, e.Act.Failure = report.ActFailed, err.Error()
	}
	d.emit(e)
}

func (d *daemon) acting(act remedy.Act, j listener.Judgement) {
	d.emit(report.Event{Time: time.Now(), Kind: report.Acting, Listener: &j, Act: actOf(act)})
}

func actOf(a remedy.Act) *report.Act {
	return &report.Act{
		ID: a.ID, Action: listener.Kill, PID: a.PID, Method: string(a.Method), Listeners: a.Listeners, Took: a.Took,
	}
}

// emit writes events; whoever reads them gone is the end of the run.
func (d *daemon) emit(events ...report.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		if err := d.stream.Write(e); err != nil && d.failed == nil {
			d.failed = err
			d.finish()
		}
	}
}
