package main

import (
	"context"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// looking is what list and explain do: look once, or watch a while first.
type looking struct {
	observing
	period time.Duration
}

func (l *looking) check() error {
	if l.period < 0 {
		return usagef("--for %s is negative", l.period)
	}
	return l.observing.check()
}

// look gives one look without history, or the last snapshot of a watched while,
// and what it came from, to ask on.
func (l *looking) look(ctx context.Context, fs proc.FS, s *scope) (*kernel.Kernel, *watch.Watcher, *listener.Snapshot, error) {
	count := kernel.Count("")
	if l.period > 0 {
		count = kernel.CountAlways
	}
	k, w, err := l.open(fs, s, count, l.period == 0)
	if err != nil {
		return nil, nil, nil, err
	}
	snap, err := w.Start()
	switch {
	case err == nil && l.period == 0:
		snap.Watched = false
	case err == nil:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.period)
		defer cancel()
		err = w.Run(ctx, func(s *listener.Snapshot, _ []watch.Change) { snap = s })
	}
	if err != nil {
		_ = k.Close()
		return nil, nil, nil, err
	}
	return k, w, snap, nil
}

// judge judges as a run with the default settings would: all listeners, those
// in scope, and the settings.
func (l *looking) judge(snap *listener.Snapshot, s *scope) (all, chosen []listener.Judgement, _ judge.Settings) {
	policy := builtinPolicy()
	policy.Scope = s.Filter
	policy.Default.StuckAfter = l.stuckAfter
	policy.Default.ActAfter = max(policy.Default.ActAfter, l.stuckAfter)
	all = judge.Judge(snap, &policy, &judge.Past{})
	for _, j := range all {
		if s.Match(j.Listener) {
			chosen = append(chosen, j)
		}
	}
	return all, chosen, policy.Default
}
