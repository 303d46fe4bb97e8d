// Package remedy takes the gate's last look and acts. It is the only place that
// signals a process.
package remedy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// Method is the rung of the ladder that did it.
type Method string

// The rungs of kill.
const (
	SIGTERM Method = "sigterm"
	SIGKILL Method = "sigkill"
)

// Act is one act, as it is told.
type Act struct {
	ID        string
	PID       int
	Method    Method            // the rung reached
	Listeners []listener.Cookie // all that go with the process
	Began     time.Time
	Took      time.Duration // until the proof, or the failure
}

// ErrChanged says that at the last look it was no longer the same process, socket or
// head, or the gate no longer agreed.
var ErrChanged = errors.New("something changed between the decision and the act")

// Killer ends culprits.
type Killer struct {
	// Refresh looks at everything and everyone now.
	Refresh func(context.Context) (*listener.Snapshot, error)
	// Judge judges a snapshot by the policy in force.
	Judge     func(*listener.Snapshot) []listener.Judgement
	Proc      proc.FS
	TermGrace time.Duration // between SIGTERM and SIGKILL
	// Acting is told after the last look and before the first signal; its error
	// stops the act.
	Acting func(Act, listener.Judgement) error
}

const (
	// recheck is how often the listener is looked at between two rungs.
	recheck = 250 * time.Millisecond
	// killGrace is how long a process may take to die of SIGKILL: one in state D
	// never does.
	killGrace = 5 * time.Second
)

// Kill ends the culprit of a judgement and proves that its listener has left.
// An error that is ErrChanged means that nothing was done.
func (k *Killer) Kill(ctx context.Context, j listener.Judgement) (Act, error) {
	act := Act{ID: newID(), PID: j.Culprit, Began: time.Now()}
	owner, ok := culprit(j)
	if !ok {
		return act, fmt.Errorf("%w: its culprit is unknown", ErrChanged)
	}
	p, err := openProcess(k.Proc, owner.PID, owner.Start)
	switch {
	case errors.Is(err, errAnother), errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		return act, fmt.Errorf("%w: %w", ErrChanged, err)
	case err != nil:
		return act, err
	}
	defer p.close()
	snap, err := k.lastLook(ctx, j, owner)
	if err != nil {
		return act, err
	}
	act.Listeners = heldBy(snap, owner.PID)
	act.Method = SIGTERM
	if err := k.Acting(act, j); err != nil {
		return act, fmt.Errorf("before the act on process %d: %w", owner.PID, err)
	}
	gone, err := k.rung(ctx, p, j, unix.SIGTERM, k.TermGrace)
	if err == nil && !gone {
		act.Method = SIGKILL
		gone, err = k.rung(ctx, p, j, unix.SIGKILL, killGrace)
	}
	act.Took = time.Since(act.Began)
	if err == nil && !gone {
		err = fmt.Errorf("process %d survived SIGKILL and still holds listener %s", owner.PID, j.Cookie)
	}
	return act, err
}

// rung sends one signal and waits for the listener to leave, with or without
// its process. Should the head change first, somebody accepts again: no further rung.
func (k *Killer) rung(ctx context.Context, p *process, j listener.Judgement, s unix.Signal, grace time.Duration) (bool, error) {
	if err := p.signal(s); err != nil {
		return false, err
	}
	for deadline := time.Now().Add(grace); ; {
		exited, err := p.exited(min(recheck, time.Until(deadline)))
		if err != nil {
			return false, err
		}
		snap, err := k.Refresh(ctx)
		if err != nil {
			return false, fmt.Errorf("prove that listener %s is gone: %w", j.Cookie, err)
		}
		now, there := snap.Find(j.Cookie)
		shared := len(j.Owners) > 1
		switch {
		case !there:
			return true, nil
		case now.Head != j.Head && exited && shared:
			return true, nil // another holder has taken over
		case now.Head != j.Head:
			return false, fmt.Errorf("listener %s accepts again after %s to process %d", j.Cookie, unix.SignalName(s), p.pid)
		case exited && !shared:
			return false, fmt.Errorf("process %d is gone and listener %s is still there: somebody else holds it", p.pid, j.Cookie)
		case time.Now().Before(deadline):
			if exited {
				time.Sleep(recheck / 5) // the end of a process wakes every poll
			}
		case exited:
			return false, fmt.Errorf("process %d is gone and no other holder of listener %s accepts", p.pid, j.Cookie)
		default:
			return false, nil
		}
	}
}

// lastLook judges anew what is there now: the same process, socket and head,
// and a gate that still agrees.
func (k *Killer) lastLook(ctx context.Context, j listener.Judgement, owner listener.Owner) (*listener.Snapshot, error) {
	snap, err := k.Refresh(ctx)
	if err != nil {
		return nil, fmt.Errorf("look once more at listener %s: %w", j.Cookie, err)
	}
	for _, now := range k.Judge(snap) {
		if now.Cookie != j.Cookie {
			continue
		}
		o, ok := culprit(now)
		switch {
		case now.Decision == nil || now.Decision.Act != listener.Kill:
			return nil, fmt.Errorf("%w: listener %s is %s", ErrChanged, j.Cookie, now.Verdict)
		case !ok || o.PID != owner.PID || o.Start != owner.Start:
			return nil, fmt.Errorf("%w: listener %s has another owner", ErrChanged, j.Cookie)
		case now.Head != j.Head:
			return nil, fmt.Errorf("%w: listener %s has accepted", ErrChanged, j.Cookie)
		}
		return snap, nil
	}
	return nil, fmt.Errorf("%w: listener %s is gone", ErrChanged, j.Cookie)
}

func culprit(j listener.Judgement) (listener.Owner, bool) {
	o, known := j.CulpritOwner()
	if !known || o.PID <= 1 {
		return listener.Owner{}, false
	}
	return *o, true
}

func heldBy(s *listener.Snapshot, pid int) []listener.Cookie {
	var cookies []listener.Cookie
	for _, l := range s.Listeners {
		for i := range l.Owners {
			if l.Owners[i].PID == pid {
				cookies = append(cookies, l.Cookie)
			}
		}
	}
	return cookies
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
