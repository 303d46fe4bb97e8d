// Package daemon is the loop of `reusewatch run`: each snapshot is judged, shown to whoever
// asks, told of, and acted on. An act that a person decides on goes the same way. The kernel
// side is an interface, so that a test needs none.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/record"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// DefaultStateDir is where a daemon keeps what outlives it, and serves what it sees.
const DefaultStateDir = "/run/reusewatch"

// SocketIn is where a daemon with this state folder serves what it sees.
func SocketIn(stateDir string) string { return filepath.Join(stateDir, "reusewatch.sock") }

// ExitInternal is the exit code of what must not happen, as the command line's contract has it.
const ExitInternal = 70

// Kernel is what is asked of the kernel side beside what the watcher asks.
type Kernel interface {
	remedy.Kernel
	Stats() ([]kernel.ProgramStats, error)
	Room() (entries, capacity int)
	RunTime() (took time.Duration, runs uint64, err error)
}

// Unusable wraps why something that was asked for cannot be had.
type Unusable struct{ Err error }

func (u Unusable) Error() string { return u.Err.Error() }
func (u Unusable) Unwrap() error { return u.Err }

// Options of a daemon.
type Options struct {
	Log      *slog.Logger
	Told     *Outlet     // where events go
	Stream   wire.Stream // writes them there
	Logged   *Outlet     // where Log goes
	Kernel   Kernel
	Tier     listener.Tier
	Watcher  *watch.Watcher
	Interval time.Duration // between two looks
	Policy   judge.Policy
	Reload   func() (judge.Policy, error)
	Reloads  <-chan os.Signal // each has the policy taken anew
	Acting   Acting
	Exporter *Exporter // nil: nobody wants metrics
	Record   string    // the file of a recording; "": nothing is recorded
}

// daemon joins watcher, judge, remedy and what tells of them.
type daemon struct {
	log      *slog.Logger
	watcher  *watch.Watcher
	ruling   *ruling
	teller   *teller
	acts     *acts
	served   *served   // nil: to nobody
	exporter *Exporter // nil: nobody wants metrics
	recorder *recorder // nil: nothing is recorded
	notify   *notifier
	reload   func() (judge.Policy, error)

	// Of the watcher's goroutine.
	changes *report.Changes
	unread  []uint32 // users whose processes are not asked
	leftOut bool     // suspected processes were not followed in the last look

	alive  context.Context // ends with the watcher, which acts ask
	finish context.CancelFunc
}

// Run watches until the context ends. Then no act is begun any more; the watcher goes on
// until the last one has ended and what it turned on is off. The error wraps an [Unusable]
// if something that was asked for cannot be had.
func Run(ctx context.Context, o Options) error {
	d := &daemon{
		log: o.Log, watcher: o.Watcher, exporter: o.Exporter, reload: o.Reload,
		changes: report.NewChanges(o.Policy.Scope),
	}
	d.alive, d.finish = context.WithCancel(context.WithoutCancel(ctx))
	defer d.finish()
	d.notify = newNotifier(o.Log, o.Interval)
	defer d.notify.onAbort(o.Acting.StateDir, o.Logged)()
	dir := journal.NewDir(o.Acting.StateDir)
	if err := dir.Sweep(); err != nil {
		d.log.Warn("after a crash", "error", err)
	}
	d.ruling = newRuling(d.alive, o.Log, dir, o.Policy)
	d.teller = &teller{told: o.Told, stream: o.Stream, exporter: o.Exporter, broken: d.finish}
	d.acts = newActs(d.alive, o.Log, dir, d.ruling, d.teller)
	actor, auditLog, err := o.Acting.actor(listener.ByRun, o.Kernel, o.Watcher, d.acts)
	if err != nil {
		return err
	}
	defer auditLog.Close()
	d.acts.actor = actor
	if o.Record != "" {
		header := record.Header{Began: time.Now(), Tier: o.Tier, Self: o.Policy.Self}
		if d.recorder, err = newRecorder(o.Log, o.Record, header); err != nil {
			return Unusable{err}
		}
		defer d.recorder.close()
	}
	first, err := o.Watcher.Start()
	if err != nil {
		return err
	}
	recoverActs(actor, auditLog, first, d.acts.warn)
	if o.Acting.StateDir != "" {
		d.serve(SocketIn(o.Acting.StateDir), o.Kernel)
		defer d.endServing()
	}
	return d.watch(ctx, first, o.Reloads)
}

func (d *daemon) watch(ctx context.Context, first *listener.Snapshot, reloads <-chan os.Signal) error {
	go func() {
		for {
			select {
			case <-reloads:
				d.notify.reload(d.reloadPolicy)
			case <-ctx.Done():
				d.notify.stopping()
				d.acts.end()
				d.finish()
				return
			case <-d.alive.Done():
				return
			}
		}
	}()
	d.teller.emit(wire.Event{Time: time.Now(), Kind: wire.Ready, Tier: first.Tier, Count: len(first.Listeners)})
	d.notify.ready()
	d.publish(ctx, first, nil)
	go giveBack(d.alive)
	err := d.watcher.Run(d.alive, func(s *listener.Snapshot, changes []watch.Change) { d.publish(ctx, s, changes) })
	d.finish()
	d.acts.end()
	return errors.Join(err, d.teller.failure())
}

// reloadPolicy takes the policy file anew; a bad one changes nothing.
func (d *daemon) reloadPolicy() {
	p, err := d.reload()
	if err == nil {
		d.ruling.replace(p)
		d.log.Info("policy taken anew")
		return
	}
	d.log.Error("the old policy stays: the new one is bad")
	var invalid *policy.Invalid
	if !errors.As(err, &invalid) {
		d.log.Error("the new policy", "error", err)
		return
	}
	for _, line := range invalid.Lines() {
		d.log.Error("the new policy", "error", line)
	}
}
