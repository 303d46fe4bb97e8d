package remedy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// recheck is how often the listener is looked at between two rungs.
	recheck = 250 * time.Millisecond
	// killGrace is how long a process may take to die of SIGKILL: one in state D,
	// or in a frozen cgroup v1, stays, and so does its listener.
	killGrace = 2 * time.Second
	// closeGrace is how long a listener may take to leave that was shut down.
	closeGrace = time.Second
)

// kill climbs the ladder until the listener has left.
func (a *Actor) kill(ctx context.Context, t *target) error {
	for _, rung := range []struct {
		method listener.Method
		do     func() error
		grace  time.Duration
	}{
		{listener.SIGTERM, func() error { return t.proc.signal(unix.SIGTERM) }, a.TermGrace},
		{listener.SIGKILL, func() error { return t.proc.signal(unix.SIGKILL) }, killGrace},
		{listener.Shutdown, func() error { return a.shutdownAll(ctx, t) }, closeGrace},
	} {
		if a.Disarmed() {
			return fmt.Errorf("disarmed before %s to process %d", rung.method, t.proc.pid)
		}
		t.act.Method = rung.method
		if err := rung.do(); err != nil {
			return err
		}
		if gone, err := a.left(ctx, t, rung.grace); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("listener %s is still there after every rung on process %d", t.act.Judgement.Cookie, t.proc.pid)
}

// closeListener closes the one listener; its process and its connections stay.
func (a *Actor) closeListener(ctx context.Context, t *target) error {
	t.act.Method = listener.Shutdown
	if err := t.proc.shutdown(&t.act.Judgement.Sample, t.act.Owner.FD); err != nil {
		return err
	}
	gone, err := a.left(ctx, t, closeGrace)
	if err == nil && !gone {
		err = fmt.Errorf("listener %s is still there after its shutdown", t.act.Judgement.Cookie)
	}
	return err
}

// shutdownAll closes what a process holds alone that SIGKILL did not end.
func (a *Actor) shutdownAll(ctx context.Context, t *target) error {
	snap, err := a.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("find the listeners of process %d: %w", t.proc.pid, err)
	}
	var errs []error
	for _, c := range t.act.Listeners {
		l, there := snap.Find(c)
		if !there {
			continue
		}
		for i := range l.Owners {
			if l.Owners[i].PID == t.proc.pid {
				errs = append(errs, t.proc.shutdown(&l.Sample, l.Owners[i].FD))
			}
		}
	}
	return errors.Join(errs...)
}

// left waits for the listener to leave, with or without its process. Should the
// head change first, somebody accepts again: no further rung. A listener that
// others hold too stays, and is healed when one of them accepts.
func (a *Actor) left(ctx context.Context, t *target, grace time.Duration) (bool, error) {
	j := &t.act.Judgement
	shared := len(j.Owners) > 1
	for deadline := time.Now().Add(grace); ; {
		exited, err := t.ended(deadline)
		if err != nil {
			return false, err
		}
		snap, err := a.Refresh(ctx)
		if err != nil {
			return false, fmt.Errorf("prove that listener %s is gone: %w", j.Cookie, err)
		}
		now, there := snap.Find(j.Cookie)
		switch {
		case !there, exited && shared && (now.Head != j.Head || now.Queue == 0):
			t.act.Took = time.Since(t.act.Began)
			return true, nil
		case j.Stands() && now.Head != j.Head:
			return false, fmt.Errorf("listener %s accepts again after %s to process %d", j.Cookie, t.act.Method, t.proc.pid)
		case exited && !shared:
			return false, fmt.Errorf("process %d is gone and listener %s is still there: somebody else holds it", t.proc.pid, j.Cookie)
		case time.Now().Before(deadline):
			time.Sleep(recheck / 10) // the end of a process wakes every poll
		case exited:
			return false, fmt.Errorf("process %d is gone and no other holder of listener %s accepts", t.proc.pid, j.Cookie)
		default:
			return false, nil
		}
	}
}

// ended waits a little for the end of the process, unless it is to stay.
func (t *target) ended(deadline time.Time) (bool, error) {
	if t.act.Method == listener.Shutdown {
		return false, nil
	}
	return t.proc.exited(min(recheck, time.Until(deadline)))
}
