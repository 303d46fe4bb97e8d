package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/sentence"
	"github.com/reusewatch/reusewatch/internal/text"
	"github.com/reusewatch/reusewatch/internal/watch"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// unserved is how much longer than --act-after nobody may come to a sibling.
const unserved = 5 * time.Second

// HandOptions are of one act that a person decides on.
type HandOptions struct {
	Log        *slog.Logger
	Stream     wire.Stream
	Out, Err   io.Writer // for answers, and for what is to be known meanwhile
	Kernel     Kernel
	Watcher    *watch.Watcher
	Interval   time.Duration // between two looks
	StuckAfter time.Duration
	ActAfter   time.Duration
	Policy     judge.Policy
	Acting     Acting
	Cookie     listener.Cookie
	Action     listener.Action // close or kill
	Force      bool            // soft reasons do not hold
	DryRun     bool            // say what would be done, and do nothing
}

// Refused is a gate that said no.
type Refused struct{ Why string }

func (r Refused) Error() string { return "refused: " + r.Why }

// ActFailed is an act that did not do what it should.
type ActFailed struct{ Err error }

func (a ActFailed) Error() string { return a.Err.Error() }
func (a ActFailed) Unwrap() error { return a.Err }

// hand is such an act under way.
type hand struct {
	HandOptions
	began   time.Time
	dir     journal.Dir
	decided chan listener.Judgement

	// The watcher judges beside the act, which tells: each has a lock of its own, for
	// what is told may wait for its reader.
	rules   sync.Mutex
	past    judge.Past
	telling sync.Mutex
	broken  error // of the stream
}

// ByHand watches until the gate has decided on a listener, and does what was asked for. The
// error is a [Refused] or an [ActFailed], or wraps an [Unusable].
func ByHand(ctx context.Context, o HandOptions) error {
	h := &hand{HandOptions: o, began: time.Now(), dir: journal.NewDir(o.Acting.StateDir), decided: make(chan listener.Judgement, 1)}
	h.Policy.Given.Action = &o.Action // a person's word: no rule of a file disarms it
	var err error
	if h.past.Acts, err = h.dir.Acts(); err != nil {
		return err
	}
	actor, log, err := o.Acting.actor(listener.ByCommand, o.Kernel, o.Watcher, h)
	if err != nil {
		return err
	}
	defer log.Close()
	first, err := o.Watcher.Start()
	if err != nil {
		return err
	}
	if _, there := first.Find(h.Cookie); !there {
		return Unusable{fmt.Errorf("no listener has the cookie %s", h.Cookie)}
	}
	recoverActs(actor, log, first, h.warn)
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failed = o.Watcher.Run(alive, func(s *listener.Snapshot, _ []watch.Change) { h.decide(s) })
	}()
	err = h.await(ctx, ended, actor)
	actor.Close() // while the watcher still runs
	end()
	<-ended
	return errors.Join(err, failed, h.broken)
}

func (h *hand) judge(s *listener.Snapshot) []listener.Judgement {
	h.rules.Lock()
	defer h.rules.Unlock()
	h.past.Disarmed = h.dir.Disarmed()
	js := judge.Judge(s, &h.Policy, &h.past)
	for i := range js {
		if h.Force && js[i].Cookie == h.Cookie {
			judge.Force(&js[i], h.Action)
		}
	}
	return js
}

func (h *hand) count(past listener.PastAct) error {
	_, err := h.dir.Record(h.past.Acts, past)
	return err
}

func (h *hand) uncount(past listener.PastAct) error {
	_, err := h.dir.Withdraw(h.past.Acts, past)
	return err
}

func (h *hand) emit(events ...wire.Event) {
	h.telling.Lock()
	defer h.telling.Unlock()
	for _, e := range events {
		if err := h.Stream.Write(e); err != nil {
			h.broken = err
		}
	}
}

// The judge of a person's act knows what the policy and the state folder say.
func (h *hand) inForce() judge.Policy { return h.Policy }
func (h *hand) disarmed() bool        { return h.dir.Disarmed() }
func (h *hand) begun([]*listener.Act) {}
func (h *hand) done(*listener.Act)    {}
func (h *hand) warn(err error)        { h.Log.Warn("after an act", "error", err) }

func (h *hand) await(ctx context.Context, ended <-chan struct{}, actor *remedy.Actor) error {
	var j listener.Judgement
	select {
	case j = <-h.decided:
	case <-ended:
		return nil // it failed
	case <-ctx.Done():
		return Refused{"interrupted before it was decided"}
	}
	if j.Decision == nil || j.Decision.Act == listener.Hold {
		return h.refuse(&j)
	}
	if h.DryRun {
		_, err := fmt.Fprintf(h.Out, "would %s: %s\n", h.Action, sentence.Stuck(&j))
		return err
	}
	err := actor.Act(context.WithoutCancel(ctx), j)
	switch {
	case errors.Is(err, remedy.ErrChanged):
		return Refused{err.Error()}
	case err != nil:
		return ActFailed{err}
	}
	if actor.HalfOpen() {
		fmt.Fprintln(h.Err, "reusewatch: handshakes were under way; staying up to 63 s until they are complete (Ctrl-C: no longer)")
		actor.Wait(ctx)
	}
	return nil
}

// refuse tells what holds.
func (h *hand) refuse(j *listener.Judgement) error {
	if j.Listener == nil {
		return Refused{fmt.Sprintf("listener %s is gone", h.Cookie)}
	}
	if j.Decision == nil {
		return Refused{fmt.Sprintf("listener %s is not stuck", h.Cookie)}
	}
	h.emit(wire.Event{Time: time.Now(), Kind: wire.Held, Listener: j})
	return Refused{text.Join(j.Decision.Reasons, ", ")}
}

// decide looks at the listener: act, wait, or refuse once time will not help.
func (h *hand) decide(s *listener.Snapshot) {
	js := h.judge(s)
	i := slices.IndexFunc(js, func(j listener.Judgement) bool { return j.Cookie == h.Cookie })
	if i < 0 {
		h.say(listener.Judgement{})
		return
	}
	j := js[i]
	// The first looks at a process tell nothing of its progress.
	settled := 3 * h.Interval
	switch {
	case j.Decision == nil:
		if j.Verdict != listener.Suspect && time.Since(h.began) > h.StuckAfter+settled {
			h.say(j)
		}
	case j.Decision.Act != listener.Hold:
		h.say(j)
	case slices.ContainsFunc(j.Decision.Reasons, endsNever):
		if j.Window.Observed > h.StuckAfter+settled {
			h.say(j)
		}
	case slices.ContainsFunc(j.Decision.Reasons, maybeEnds):
		if j.Window.Observed > h.ActAfter+settled {
			h.say(j)
		}
	case j.Window.Observed > h.ActAfter+max(settled, unserved) && !slices.Contains(j.Decision.Reasons, listener.TooSoon):
		h.say(j) // nobody came to its siblings in all that time
	}
}

// endsNever says of a reason that waiting will not help.
func endsNever(r listener.Reason) bool {
	return r != listener.TooSoon && r != listener.NoSiblingAccepted && !maybeEnds(r)
}

// maybeEnds says of a reason that a process which has just got stuck may still lose it: it
// rests on a sign that one answers with no which is inert, and that takes --act-after.
func maybeEnds(r listener.Reason) bool {
	return slices.ContainsFunc(listener.Signs(), func(s listener.SignRow) bool { return s.Inert && slices.Contains(s.Holds, r) })
}

func (h *hand) say(j listener.Judgement) {
	select {
	case h.decided <- j:
	default:
	}
}
