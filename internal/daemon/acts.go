package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
)

// acts are a daemon's: one at a time, none twice, and what touched nothing later again.
type acts struct {
	*ruling
	*teller
	log   *slog.Logger
	dir   journal.Dir
	actor *remedy.Actor
	alive context.Context // ends with the watcher, which an act asks

	running sync.WaitGroup
	busy    chan struct{} // holds one token while an act is under way
	// Of the act under way, and so of whoever holds the token.
	given   map[Acted]bool
	said    map[listener.Cookie]string // why an act was not begun at the last look
	tried   map[listener.Cookie]retry  // of acts that touched nothing
	counted []listener.PastAct
}

// Acted names what was acted on: a process and no other with its pid, or, where it stayed,
// one listener of it.
type Acted struct {
	PID    int
	Start  uint64
	Closed listener.Cookie // 0: the process was ended
}

func newActs(alive context.Context, log *slog.Logger, dir journal.Dir, r *ruling, t *teller) *acts {
	return &acts{
		ruling: r, teller: t, log: log, dir: dir, alive: alive,
		busy:  make(chan struct{}, 1),
		given: make(map[Acted]bool),
		said:  make(map[listener.Cookie]string),
		tried: make(map[listener.Cookie]retry),
	}
}

// begin starts an act, unless one is under way or the context has ended.
func (a *acts) begin(ctx context.Context, j listener.Judgement) {
	owner, known := j.CulpritOwner()
	if ctx.Err() != nil || !known {
		return
	}
	select {
	case a.busy <- struct{}{}:
	default:
		return
	}
	if a.given[Acted{owner.PID, owner.Start, 0}] || a.given[Acted{owner.PID, owner.Start, j.Cookie}] || time.Now().Before(a.tried[j.Cookie].at) {
		<-a.busy
		return
	}
	a.running.Go(func() {
		defer func() { <-a.busy }()
		defer a.anew() // what became of whom it was about is told at the next look
		defer a.tellOf(nil)
		a.do(j)
	})
}

func (a *acts) do(j listener.Judgement) {
	err := a.actor.Act(a.alive, j)
	if err == nil || a.said[j.Cookie] == err.Error() {
		return
	}
	a.said[j.Cookie] = err.Error()
	if !errors.Is(err, remedy.ErrChanged) {
		a.log.Error("act", "cookie", j.Cookie, "pid", j.Culprit, "error", err)
		return
	}
	a.log.Info("held at the last look", "cookie", j.Cookie, "pid", j.Culprit, "detail", err)
	if !remedy.Witnessed(err) {
		a.emit(changedMeanwhile(j))
	}
}

// end waits for the act under way, and turns off what it turned on.
func (a *acts) end() {
	a.running.Wait()
	a.actor.Close()
}

// begun is told of the acts that are about to be begun.
func (a *acts) begun(acts []*listener.Act) {
	about := make(map[listener.Cookie]bool)
	for _, act := range acts {
		about[act.Judgement.Cookie] = true
	}
	a.tellOf(about)
}

// count keeps an act in the state folder before it is done: one that nobody
// counted must not be. The judge hears of it when it has ended.
func (a *acts) count(past listener.PastAct) error {
	earlier, err := a.dir.Acts() // of a person's commands too
	if err != nil {
		return err
	}
	if earlier == nil {
		earlier = a.pastActs()
	}
	a.counted, err = a.dir.Record(earlier, past)
	return err
}

// uncount gives back what an act was counted for that touched nothing.
func (a *acts) uncount(past listener.PastAct) error {
	counted, err := a.dir.Withdraw(a.counted, past)
	a.counted = counted
	a.setPastActs(counted)
	return err
}

// done is told of each act that has ended. One that touched nothing is tried again.
func (a *acts) done(act *listener.Act) {
	if !act.Touched {
		c := act.Judgement.Cookie
		a.tried[c] = a.tried[c].next(time.Now())
		return
	}
	closed := listener.Cookie(0)
	if act.Action == listener.Close {
		closed = act.Judgement.Cookie
	}
	a.given[Acted{act.Owner.PID, act.Owner.Start, closed}] = true
	a.setPastActs(a.counted)
}

func (a *acts) warn(err error) { a.log.Warn("after an act", "error", err) }

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
