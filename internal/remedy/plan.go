package remedy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// lastLook judges anew what is there now: the same process, socket and head, and
// a gate that still agrees. With it come the other dead members of its group, for
// who is moved from one of them may land on the next.
func (a *Actor) lastLook(ctx context.Context, j listener.Judgement) (*listener.Snapshot, []*listener.Act, error) {
	snap, err := a.Refresh(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("look once more at listener %s: %w", j.Cookie, err)
	}
	var acts []*listener.Act
	id, began := newID(), j.At
	for _, now := range a.Judge(snap) {
		switch {
		case now.Cookie == j.Cookie:
			if err := unchanged(j, now); err != nil {
				return nil, nil, err
			}
			acts = slices.Insert(acts, 0, &listener.Act{Judgement: now})
		case now.Group != 0 && now.Group == groupIn(snap, j.Cookie) && ripe(now):
			acts = append(acts, &listener.Act{Judgement: now})
		}
	}
	if len(acts) == 0 || acts[0].Judgement.Cookie != j.Cookie {
		return nil, nil, fmt.Errorf("%w: listener %s is gone", ErrChanged, j.Cookie)
	}
	acts = onePerProcess(acts)
	for _, act := range acts {
		act.ID, act.Began = id, began
		act.Action, act.Method = act.Judgement.Decision.Act, listener.SIGTERM
		if act.Action == listener.Close {
			act.Method = listener.Shutdown
		}
		act.Owner, _ = culprit(act.Judgement)
		act.Listeners = leaving(snap, act, acts)
	}
	return snap, acts, nil
}

func unchanged(then, now listener.Judgement) error {
	was, _ := culprit(then)
	o, ok := culprit(now)
	switch {
	case now.Decision == nil:
		return fmt.Errorf("%w: listener %s is %s", ErrChanged, then.Cookie, now.Verdict)
	case now.Decision.Act != then.Decision.Act:
		return fmt.Errorf("%w: listener %s is held now: %s", ErrChanged, then.Cookie, now.Decision.Reason)
	case !ok || o.PID != was.PID || o.Start != was.Start:
		return fmt.Errorf("%w: listener %s has another owner", ErrChanged, then.Cookie)
	case then.Stands() && now.Head != then.Head:
		return fmt.Errorf("%w: listener %s has accepted", ErrChanged, then.Cookie)
	}
	return nil
}

func groupIn(s *listener.Snapshot, c listener.Cookie) listener.GroupKey {
	if l, there := s.Find(c); there {
		return l.Group
	}
	return 0
}

func ripe(j listener.Judgement) bool {
	_, known := culprit(j)
	return known && j.Decision != nil && (j.Decision.Act == listener.Kill || j.Decision.Act == listener.Close)
}

// onePerProcess: a process that has several members dies once.
func onePerProcess(acts []*listener.Act) []*listener.Act {
	seen := make(map[int]bool)
	return slices.DeleteFunc(acts, func(act *listener.Act) bool {
		if act.Judgement.Decision.Act != listener.Kill {
			return false
		}
		again := seen[act.Judgement.Culprit]
		seen[act.Judgement.Culprit] = true
		return again
	})
}

// leaving are the listeners that go with an act: that which is closed; or those
// that only processes of the plan hold.
func leaving(s *listener.Snapshot, act *listener.Act, acts []*listener.Act) []listener.Cookie {
	if act.Action == listener.Close {
		return []listener.Cookie{act.Judgement.Cookie}
	}
	dies := func(o listener.Owner) bool {
		return slices.ContainsFunc(acts, func(a *listener.Act) bool {
			return a.Judgement.Decision.Act == listener.Kill && a.Judgement.Culprit == o.PID
		})
	}
	var cookies []listener.Cookie
	for _, l := range s.Listeners {
		held := slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return o.PID == act.Owner.PID })
		if held && !slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return !dies(o) }) {
			cookies = append(cookies, l.Cookie)
		}
	}
	return cookies
}

// target is the process of an act, held by a pidfd.
type target struct {
	act  *listener.Act
	proc *process
}

// open takes hold of every process of a plan before anything is touched.
func (a *Actor) open(acts []*listener.Act) ([]*target, error) {
	targets := make([]*target, 0, len(acts))
	for _, act := range acts {
		p, err := openProcess(a.Kernel, act.Owner.PID, act.Owner.Start)
		if err != nil {
			closeAll(targets)
			if errors.Is(err, errAnother) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
				err = fmt.Errorf("%w: %w", ErrChanged, err)
			}
			return nil, err
		}
		targets = append(targets, &target{act, p})
	}
	return targets, nil
}

func closeAll(targets []*target) {
	for _, t := range targets {
		_ = t.proc.close()
	}
}
