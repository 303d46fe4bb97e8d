package judge

import (
	"slices"
	"strconv"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// hostWide is how many groups that get stuck at once show that the host is ill, not they.
const hostWide = 3

// ill gives the groups in scope that stopped accepting within one act-after of this one,
// this one first. A user who owns user namespaces can make any number of groups in them, so
// all groups of one such user count once.
func (f *facts) ill() []string {
	var groups []string
	pids := make(map[int]bool)
	mine := stuckSince(f)
	for _, o := range append([]*facts{f}, f.stuck...) {
		apart := stuckSince(o).Sub(mine).Abs()
		if apart > f.settings.ActAfter || o.culprit == nil && o != f || o != f && !f.policy.Scope.Match(o.l) {
			continue
		}
		pid, group := 0, o.l.Counted()
		if o.culprit != nil {
			pid = o.culprit.PID
			if uid, guest := o.culprit.Guest.Get(); guest {
				group = "user namespaces of uid " + strconv.FormatUint(uint64(uid), 10)
			}
		}
		if !slices.Contains(groups, group) && !pids[pid] {
			groups, pids[pid] = append(groups, group), true
		}
	}
	return groups
}

// Budget is at most Acts in any Per; the zero value allows none.
type Budget struct {
	Acts int
	Per  time.Duration
}

// OfUsers is the part of a host's budget for acts on users other than root, two fifths: no
// user can use up the budget with servers that are made to be stuck.
func (b Budget) OfUsers() Budget { return Budget{max(1, b.Acts*2/5), b.Per} }

func (f *facts) overBudget() bool {
	mine := func(a listener.PastAct) bool { return a.Group == f.l.Counted() && a.Netns == f.l.NetCookie }
	// An act no longer counts once its network namespace has no listeners.
	onHost := func(a listener.PastAct) bool { return mine(a) || listens(f.snap, a.Netns) }
	users := func(a listener.PastAct) bool { return a.OfUser && onHost(a) }
	return f.past.Lost || f.spent(f.settings.Budget, mine) || f.spent(f.policy.HostBudget, onHost) ||
		f.some((*listener.Owner).OfUser) && f.spent(f.policy.HostBudget.OfUsers(), users)
}

// spent says whether a budget is used up by the acts that count.
func (f *facts) spent(b Budget, counts func(listener.PastAct) bool) bool {
	n := 0
	for _, a := range f.past.Acts {
		if f.snap.Time.Sub(a.At) < b.Per && counts(a) {
			n++
		}
	}
	return n >= b.Acts
}

// listens says whether a network namespace, by its cookie, has a listener.
func listens(s *listener.Snapshot, netns uint64) bool {
	return slices.ContainsFunc(s.Listeners, func(l *listener.Listener) bool { return l.NetCookie == netns })
}
