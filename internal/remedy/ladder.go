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
	// recheck is how often the listener is read between two rungs.
	recheck = 250 * time.Millisecond
	// killGrace is how long a process may take to die of SIGKILL. One in state D, or in
	// a frozen cgroup v1, does not die, and its listener stays.
	killGrace = 2 * time.Second
	// closeGrace is how long a listener that was shut down may take to leave.
	closeGrace = time.Second
)

// kill climbs the ladder until the listener has left.
func (a *Actor) kill(ctx context.Context, t *target) error {
	done := listener.Method("")
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
		if gone, err := a.confirmRung(t, done, rung.method); gone || err != nil {
			return err
		}
		t.act.Method, t.act.Touched = rung.method, true
		if err := rung.do(); err != nil {
			return err
		}
		done = rung.method
		if gone, err := a.waitLeft(ctx, t, done, rung.grace); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("listener %s is still there after every rung on process %d", t.act.Judgement.Cookie, t.proc.pid)
}

// closeListener closes the one listener; its process and its connections stay.
func (a *Actor) closeListener(ctx context.Context, t *target) error {
	if gone, err := a.confirmRung(t, "", listener.Shutdown); gone || err != nil {
		return err
	}
	t.act.Method, t.act.Touched = listener.Shutdown, true
	if err := t.proc.shutdown(&t.act.Judgement.Sample, t.act.Owner.FD); err != nil {
		return err
	}
	gone, err := a.waitLeft(ctx, t, listener.Shutdown, closeGrace)
	if err == nil && !gone {
		err = fmt.Errorf("listener %s is still there after its shutdown", t.act.Judgement.Cookie)
	}
	return err
}

// shutdownAll closes the listeners that only a process holds which SIGKILL did not end.
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

// confirmRung reads the process, the socket and the head of its queue right before a rung,
// and nothing else, for an earlier rung has woken the process. It is true if nothing is left
// to do.
func (a *Actor) confirmRung(t *target, done, rung listener.Method) (bool, error) {
	now, err := a.Kernel.Processes(listener.Ask{Some: []int{t.proc.pid}})
	if err != nil {
		return false, fmt.Errorf("look at process %d before %s: %w", t.proc.pid, rung, err)
	}
	exited, err := t.proc.exited(0)
	if err != nil {
		return false, err
	}
	if p := now[t.proc.pid]; !exited && (p == nil || p.Start != t.act.Owner.Start) {
		return false, fmt.Errorf("before %s to process %d: %w: %w", rung, t.proc.pid, ErrChanged, errAnother)
	}
	gone, err := a.gone(t, done, exited)
	if done == "" && (gone || exited) {
		return false, fmt.Errorf("%w: listener %s, or process %d, went before %s", ErrChanged, t.act.Judgement.Cookie, t.proc.pid, rung)
	}
	return gone, err
}

// gone says whether the listener has left, with or without its process. If the head changes
// before, somebody accepts again, and there is no further rung. A listener that others hold
// too stays; it is healed when one of them accepts.
func (a *Actor) gone(t *target, done listener.Method, exited bool) (bool, error) {
	j := &t.act.Judgement
	shared := len(j.Owners) > 1
	now, there, err := a.Kernel.Sample(j.Listener)
	switch {
	case err != nil:
		return false, fmt.Errorf("see whether listener %s is gone: %w", j.Cookie, err)
	case !there, exited && shared && (now.Head != j.Head || now.Queue == 0):
		t.act.Took = time.Since(t.act.Began)
		return true, nil
	case j.Stands() && now.Head != j.Head && done == "":
		return false, fmt.Errorf("%w: listener %s accepts again", ErrChanged, j.Cookie)
	case j.Stands() && now.Head != j.Head:
		return false, fmt.Errorf("listener %s accepts again after %s to process %d", j.Cookie, done, t.proc.pid)
	case exited && !shared:
		return false, fmt.Errorf("process %d is gone and listener %s is still there: somebody else holds it", t.proc.pid, j.Cookie)
	default:
		return false, nil
	}
}

// waitLeft waits until the listener has left, for grace at the most.
func (a *Actor) waitLeft(ctx context.Context, t *target, done listener.Method, grace time.Duration) (bool, error) {
	for deadline := time.Now().Add(grace); ; {
		exited, err := t.ended(deadline)
		if err != nil {
			return false, err
		}
		gone, err := a.gone(t, done, exited)
		switch {
		case gone || err != nil:
			return gone, err
		case ctx.Err() != nil:
			return false, fmt.Errorf("wait for listener %s to leave: %w", t.act.Judgement.Cookie, ctx.Err())
		case time.Now().Before(deadline):
			time.Sleep(recheck / 10) // once the process has ended, ended does not wait
		case exited:
			return false, fmt.Errorf("process %d is gone and no other holder of listener %s accepts", t.proc.pid, t.act.Judgement.Cookie)
		default:
			return false, nil
		}
	}
}

// ended waits for the end of the process until the next recheck, unless it is to stay.
func (t *target) ended(deadline time.Time) (bool, error) {
	if t.act.Method == listener.Shutdown {
		return false, nil
	}
	return t.proc.exited(min(recheck, time.Until(deadline)))
}
