package remedy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Judged is a snapshot of the host, and how it was judged.
type Judged struct {
	Snapshot   *listener.Snapshot
	Judgements []listener.Judgement
}

// find finds the judgement of one listener.
func (l *Judged) find(c listener.Cookie) (listener.Judgement, bool) {
	i := slices.IndexFunc(l.Judgements, func(j listener.Judgement) bool { return j.Cookie == c })
	if i < 0 {
		return listener.Judgement{}, false
	}
	return l.Judgements[i], true
}

func (a *Actor) judgeAnew(ctx context.Context, c listener.Cookie) (*Judged, error) {
	snap, err := a.Refresh(ctx)
	if err != nil {
		return nil, fmt.Errorf("look once more at listener %s: %w", c, err)
	}
	return &Judged{snap, a.Judge(snap)}, nil
}

// confirm judges a target anew before anything is done to it: the end of another process,
// the log or a person may have freed it since the plan.
func (a *Actor) confirm(ctx context.Context, t *target) error {
	then := &t.act.Judgement
	var err error
	if t.ran, err = a.slices(t.proc.pid); err != nil {
		return err
	}
	judged, err := a.judgeAnew(ctx, then.Cookie)
	if err != nil {
		return err
	}
	now, there := judged.find(then.Cookie)
	if !there {
		return fmt.Errorf("%w: listener %s is gone", ErrChanged, then.Cookie)
	}
	if err := unchanged(*then, now); err != nil {
		return err
	}
	t.act.Judgement = now
	return nil
}

// stoodStill is an error unless a process that is acted on because it stands still has
// done so since confirm: the look took its time, and nothing that it does wakes a process.
func (a *Actor) stoodStill(t *target) error {
	if c := t.act.Judgement.Class; c != listener.Dead && c != listener.NeverServed {
		return nil // it is acted on though it runs
	}
	now, err := a.slices(t.proc.pid)
	if err != nil {
		return err
	}
	if len(now) == 0 || !maps.Equal(t.ran, now) {
		return fmt.Errorf("%w: process %d has run", ErrChanged, t.proc.pid)
	}
	return nil
}

// ran is how often a thread got a CPU, and for how long it ran.
type ran struct {
	slices listener.Maybe[uint64]
	run    time.Duration
	state  string
}

// slices gives what all threads of a process ran, by their ids; nothing if not all of them
// could be read.
func (a *Actor) slices(pid int) (map[int]ran, error) {
	processes, err := a.Kernel.Processes(listener.Ask{Threads: []int{pid}})
	if err != nil {
		return nil, fmt.Errorf("see whether process %d runs: %w", pid, err)
	}
	all := make(map[int]ran)
	if p := processes[pid]; p != nil && p.Whole() {
		for i := range p.Threads {
			t := &p.Threads[i]
			now := ran{run: t.Used.Run, state: t.State}
			if sched, known := t.Sched.Get(); known {
				now.slices = listener.Known(sched.Slices)
			}
			all[t.TID] = now
		}
	}
	return all, nil
}
