package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
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

// acted names what was acted on: a process and no other with its pid, or, where
// it stayed, one listener of it.
type acted struct {
	pid    int
	start  uint64
	closed listener.Cookie
}

// daemon joins watcher, judge, remedy and report.
type daemon struct {
	log      *slog.Logger
	state    state.Dir
	folder   *folder   // the same, looked at beside the watcher
	exporter *exporter // of metrics; nil: nobody wants them

	rules  sync.Mutex // of these three, which an act reads beside the watcher
	policy judge.Policy
	past   judge.Past
	memory judge.Memory

	reload func() (judge.Policy, error)
	record *recorder // nil: nothing is recorded

	changes *report.Changes
	unread  []uint32 // users whose processes are not asked
	leftOut bool     // suspected processes were not followed in the last look
	actor   *remedy.Actor
	served  *served // nil: to nobody
	notify  *notifier

	mu     sync.Mutex // of the stream, which an act writes to beside the watcher
	told   *outlet    // where that goes
	stream report.Stream
	failed error
	about  map[listener.Cookie]bool // that the act under way is about

	acts sync.WaitGroup
	busy chan struct{} // holds one token while an act is under way
	// Of the act under way, and so of whoever holds the token.
	given   map[acted]bool
	said    map[listener.Cookie]string // why an act was not begun at the last look
	again   map[listener.Cookie]retry  // of acts that touched nothing
	counted []listener.PastAct

	alive  context.Context // ends with the watcher, which acts ask
	finish context.CancelFunc
}

// watch runs until the context ends. Then no act is begun any more; the watcher
// goes on until the last one has ended and what it turned on is off. hup has the policy
// taken anew.
func (d *daemon) watch(ctx context.Context, w *watch.Watcher, first *listener.Snapshot, hup <-chan os.Signal) error {
	defer d.finish()
	go func() {
		for {
			select {
			case <-hup:
				d.notify.reload(d.reloadPolicy)
			case <-ctx.Done():
				d.notify.stopping()
				d.acts.Wait()
				d.actor.Close()
				d.finish()
				return
			case <-d.alive.Done():
				return
			}
		}
	}()
	d.emit(report.Event{Time: time.Now(), Kind: report.Ready, Tier: first.Tier, Count: len(first.Listeners)})
	d.notify.ready()
	d.publish(ctx, first, nil)
	go giveBack(d.alive)
	err := w.Run(d.alive, func(s *listener.Snapshot, changes []watch.Change) { d.publish(ctx, s, changes) })
	d.finish()
	d.acts.Wait()
	d.actor.Close()
	return errors.Join(err, d.failed)
}

// judge judges for an act by the policy in force, and by what the state folder says now.
func (d *daemon) judge(s *listener.Snapshot) []listener.Judgement {
	said := d.folder.fresh()
	d.rules.Lock()
	defer d.rules.Unlock()
	d.learn(said)
	return judge.Judge(s, &d.policy, &d.past)
}

// judgeAgain judges the next snapshot by what the state folder said last; same says that
// nothing is to be said that was not said of the one before.
func (d *daemon) judgeAgain(s *listener.Snapshot) (js []listener.Judgement, same bool) {
	said := d.folder.now()
	d.rules.Lock()
	defer d.rules.Unlock()
	d.learn(said)
	return d.memory.Judge(s, &d.policy, &d.past)
}

// learn takes what the state folder said.
func (d *daemon) learn(said said) {
	d.past.Disarmed = said.disarmed
	if d.past.Lost && said.found { // somebody has mended or removed it
		d.past.Acts, d.past.Lost = said.acts, false
	}
}

// disarmed says to an act whether it must not go on.
func (d *daemon) disarmed() bool { return d.folder.fresh().disarmed }

// judgeAnew has the next snapshot judged and told of whatever it brings.
func (d *daemon) judgeAnew() {
	d.rules.Lock()
	defer d.rules.Unlock()
	d.memory = judge.Memory{}
}

func (d *daemon) inForce() judge.Policy {
	d.rules.Lock()
	defer d.rules.Unlock()
	return d.policy
}

// act starts one act at a time, and none twice.
func (d *daemon) act(ctx context.Context, j listener.Judgement) {
	owner, known := j.CulpritOwner()
	if ctx.Err() != nil || !known {
		return
	}
	select {
	case d.busy <- struct{}{}:
	default:
		return
	}
	if d.given[acted{owner.PID, owner.Start, 0}] || d.given[acted{owner.PID, owner.Start, j.Cookie}] || time.Now().Before(d.again[j.Cookie].at) {
		<-d.busy
		return
	}
	d.acts.Go(func() {
		defer func() { <-d.busy }()
		defer d.judgeAnew() // what became of whom it was about is told at the next look
		defer d.tellOf(nil)
		err := d.actor.Act(d.alive, j)
		if err == nil || d.said[j.Cookie] == err.Error() {
			return
		}
		d.said[j.Cookie] = err.Error()
		if !errors.Is(err, remedy.ErrChanged) {
			d.log.Error("act", "cookie", j.Cookie, "pid", j.Culprit, "error", err)
			return
		}
		d.log.Info("held at the last look", "cookie", j.Cookie, "pid", j.Culprit, "detail", err)
		if !remedy.Told(err) {
			d.emit(changedMeanwhile(j))
		}
	})
}

// tellOf says which listeners the act under way is about.
func (d *daemon) tellOf(about map[listener.Cookie]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.about = about
}

// begun is told of the acts that are about to be begun.
func (d *daemon) begun(acts []*listener.Act) {
	about := make(map[listener.Cookie]bool)
	for _, act := range acts {
		about[act.Judgement.Cookie] = true
	}
	d.tellOf(about)
}

// count keeps an act in the state folder before it is done: one that nobody
// counted must not be. The judge hears of it when it has ended.
func (d *daemon) count(past listener.PastAct) error {
	earlier, err := d.state.Acts() // of a person's commands too
	if err != nil {
		return err
	}
	if earlier == nil {
		d.rules.Lock()
		earlier = d.past.Acts
		d.rules.Unlock()
	}
	d.counted, err = d.state.Record(earlier, past)
	return err
}

// uncount gives back what an act was counted for that touched nothing.
func (d *daemon) uncount(past listener.PastAct) error {
	counted, err := d.state.Withdraw(d.counted, past)
	d.rules.Lock()
	defer d.rules.Unlock()
	d.counted, d.past.Acts = counted, counted
	return err
}

// retry is when an act that touched nothing is tried again.
type retry struct {
	at   time.Time
	wait time.Duration
}

// The first wait, which doubles, and the longest.
const (
	retryAfter = 10 * time.Second
	retryLast  = 5 * time.Minute
)

func (r retry) next(now time.Time) retry {
	wait := min(max(retryAfter, 2*r.wait), retryLast)
	return retry{now.Add(wait), wait}
}

// done is told of each act that has ended. One that touched nothing is tried again.
func (d *daemon) done(act *listener.Act) {
	if !act.Touched {
		c := act.Judgement.Cookie
		d.again[c] = d.again[c].next(time.Now())
		return
	}
	closed := listener.Cookie(0)
	if act.Action == listener.Close {
		closed = act.Judgement.Cookie
	}
	d.given[acted{act.Owner.PID, act.Owner.Start, closed}] = true
	d.rules.Lock()
	defer d.rules.Unlock()
	d.past.Acts = d.counted
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
	d.policy, d.memory = p, judge.Memory{}
	d.rules.Unlock()
	d.log.Info("policy taken anew")
}

func (d *daemon) warn(err error) { d.log.Warn("after an act", "error", err) }

// fail ends the run, with the first error that it is told.
func (d *daemon) fail(err error) {
	d.mu.Lock()
	if d.failed == nil {
		d.failed = err
	}
	d.mu.Unlock()
	d.finish()
}
