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

// plan judges the listener anew: it must be the same process, socket and head, and the gate
// must still agree. The plan includes its dead siblings, for a client that is moved from one
// of them may land on the next.
func (a *Actor) plan(ctx context.Context, j listener.Judgement) (*Judged, []*listener.Act, error) {
	judged, err := a.judgeAnew(ctx, j.Cookie)
	if err != nil {
		return nil, nil, err
	}
	first, there := judged.find(j.Cookie)
	if !there {
		return nil, nil, fmt.Errorf("%w: listener %s is gone", ErrChanged, j.Cookie)
	}
	if err := unchanged(j, first); err != nil {
		return nil, nil, err
	}
	acts := []*listener.Act{{Judgement: first}}
	siblings := a.siblings(judged.Snapshot, first.Listener, &first)
	for _, now := range judged.Judgements {
		if ripe(now) && slices.Contains(siblings, now.Listener) {
			acts = append(acts, &listener.Act{Judgement: now})
		}
	}
	acts = onePerProcess(acts)
	id, began := newID(), j.At
	for _, act := range acts {
		act.ID, act.Began = id, began
		act.Action, act.Method = act.Judgement.Decision.Act, listener.SIGTERM
		if act.Action == listener.Close {
			act.Method = listener.Shutdown
		}
		act.Owner, _ = culprit(act.Judgement)
		act.Listeners = leaving(judged.Snapshot, act, acts)
	}
	return judged, acts, nil
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

func ripe(j listener.Judgement) bool {
	_, known := culprit(j)
	return known && j.Decision != nil && (j.Decision.Act == listener.Kill || j.Decision.Act == listener.Close)
}

// onePerProcess drops all kills of a process but the first: it may have several members.
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

// leaving gives the listeners that leave with an act: the one that is closed, or those of
// the process that only processes of the plan hold.
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
	ran  map[int]ran // what its threads had run when confirm began
}

// openTargets opens a pidfd of every process of a plan, before anything is touched.
func (a *Actor) openTargets(acts []*listener.Act) ([]*target, error) {
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
		targets = append(targets, &target{act: act, proc: p})
	}
	return targets, nil
}

func closeAll(targets []*target) {
	for _, t := range targets {
		_ = t.proc.close()
	}
}
