package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/record"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/state"
	"github.com/reusewatch/reusewatch/internal/watch"
)

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
	log   *slog.Logger
	state state.Dir

	rules  sync.Mutex // of policy and past, which an act reads beside the watcher
	policy judge.Policy
	past   judge.Past

	reload func() (judge.Policy, error)
	record *record.Writer // nil: nothing is recorded

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
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-hup:
				d.reloadPolicy()
			case <-ctx.Done():
				return
			}
		}
	}()
	d.emit(report.Event{Time: time.Now(), Kind: report.Ready, Tier: first.Tier, Count: len(first.Listeners)})
	d.publish(ctx, first, nil)
	err := w.Run(ctx, func(s *listener.Snapshot, changes []watch.Change) { d.publish(ctx, s, changes) })
	d.finish()
	d.acts.Wait()
	return errors.Join(err, d.failed)
}

// judge judges by the policy in force, and by what the state folder says now.
func (d *daemon) judge(s *listener.Snapshot) []listener.Judgement {
	d.rules.Lock()
	defer d.rules.Unlock()
	d.past.Disarmed = d.state.Disarmed()
	return judge.Judge(s, &d.policy, &d.past)
}

func (d *daemon) publish(ctx context.Context, s *listener.Snapshot, changes []watch.Change) {
	js := d.judge(s)
	if d.record != nil {
		if err := d.record.Add(s, js); err != nil {
			d.fail(err)
		}
	}
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
	culprit, known := j.CulpritOwner()
	if !known {
		return
	}
	owner := processID{culprit.PID, culprit.Start}
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

// acting counts the act before it is done: an act that nobody counted must not be.
func (d *daemon) acting(act remedy.Act, j listener.Judgement) error {
	past := judge.PastAct{At: time.Now(), Group: judge.GroupOf(j.Listener), Netns: j.NetCookie}
	d.rules.Lock()
	acts, err := d.state.Record(d.past.Acts, past)
	d.past.Acts = acts
	d.rules.Unlock()
	if err != nil {
		return err
	}
	d.emit(report.Event{Time: time.Now(), Kind: report.Acting, Listener: &j, Act: actOf(act)})
	return nil
}

func actOf(a remedy.Act) *report.Act {
	return &report.Act{
		ID: a.ID, Action: listener.Kill, PID: a.PID, Method: string(a.Method), Listeners: a.Listeners, Took: a.Took,
	}
}

// reloadPolicy takes the policy file anew; a bad one changes nothing.
func (d *daemon) reloadPolicy() {
	p, err := d.reload()
	if err != nil {
		d.log.Error("the old policy stays: the new one is bad")
		var invalid *policy.Invalid
		if !errors.As(err, &invalid) {
			d.log.Error("the new policy", "error", err)
			return
		}
		for _, line := range invalid.Lines() {
			d.log.Error("the new policy", "error", line)
		}
		return
	}
	d.rules.Lock()
	d.policy = p
	d.rules.Unlock()
	d.log.Info("policy taken anew")
}

func (d *daemon) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.failed = err
		d.finish()
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
