package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/audit"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/state"
	"github.com/reusewatch/reusewatch/internal/watch"
)

// unserved is how much longer than --act-after nobody may come to a sibling.
const unserved = 5 * time.Second

// hand is one such act under way.
type hand struct {
	*byHand
	cookie  listener.Cookie
	began   time.Time
	policy  judge.Policy
	state   state.Dir
	decided chan listener.Judgement
	warn    func(error)

	// The watcher judges beside the act, which tells: each has a lock of its own, for
	// what is told may wait for its reader.
	rules   sync.Mutex
	past    judge.Past
	telling sync.Mutex
	stream  report.Stream
	broken  error // of the stream
}

func (h *hand) judge(s *listener.Snapshot) []listener.Judgement {
	h.rules.Lock()
	defer h.rules.Unlock()
	h.past.Disarmed = h.state.Disarmed()
	js := judge.Judge(s, &h.policy, &h.past)
	for i := range js {
		if h.force && js[i].Cookie == h.cookie {
			judge.Force(&js[i], h.action)
		}
	}
	return js
}

func (h *hand) count(past listener.PastAct) error {
	_, err := h.state.Record(h.past.Acts, past)
	return err
}

func (h *hand) uncount(past listener.PastAct) error {
	_, err := h.state.Withdraw(h.past.Acts, past)
	return err
}

func (h *hand) emit(events ...report.Event) {
	h.telling.Lock()
	defer h.telling.Unlock()
	for _, e := range events {
		if err := h.stream.Write(e); err != nil {
			h.broken = err
		}
	}
}

// act watches until the gate has decided, and does it.
func (h *hand) act(ctx context.Context, w *watch.Watcher, actor *remedy.Actor, log *audit.Log) error {
	first, err := w.Start()
	if err != nil {
		return err
	}
	if _, there := first.Find(h.cookie); !there {
		return usagef("no listener has the cookie %s", h.cookie)
	}
	recoverActs(actor, log, first, h.warn)
	alive, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failed = w.Run(alive, func(s *listener.Snapshot, _ []watch.Change) { h.decide(s) })
	}()
	err = h.await(ctx, ended, actor)
	actor.Close() // while the watcher still runs
	end()
	<-ended
	return errors.Join(err, failed, h.broken)
}

func (h *hand) await(ctx context.Context, ended <-chan struct{}, actor *remedy.Actor) error {
	var j listener.Judgement
	select {
	case j = <-h.decided:
	case <-ended:
		return nil // it failed
	case <-ctx.Done():
		return refused{"interrupted before it was decided"}
	}
	if j.Decision == nil || j.Decision.Act == listener.Hold {
		return h.refuse(&j)
	}
	if h.dryRun {
		_, err := fmt.Fprintf(h.std.out, "would %s: %s\n", h.action, report.Sentence(&j))
		return err
	}
	err := actor.Act(context.WithoutCancel(ctx), j)
	switch {
	case errors.Is(err, remedy.ErrChanged):
		return refused{err.Error()}
	case err != nil:
		return actFailed{err}
	}
	if actor.HalfOpen() {
		fmt.Fprintln(h.std.err, "reusewatch: handshakes were under way; staying up to 63 s until they are complete (Ctrl-C: no longer)")
		actor.Wait(ctx)
	}
	return nil
}

// refuse tells what holds.
func (h *hand) refuse(j *listener.Judgement) error {
	if j.Listener == nil {
		return refused{fmt.Sprintf("listener %s is gone", h.cookie)}
	}
	if j.Decision == nil {
		return refused{fmt.Sprintf("listener %s is not stuck", h.cookie)}
	}
	h.emit(report.Event{Time: time.Now(), Kind: report.Held, Listener: j})
	return refused{report.Join(j.Decision.Reasons, ", ")}
}

// decide looks at the listener: act, wait, or refuse once time will not help.
func (h *hand) decide(s *listener.Snapshot) {
	js := h.judge(s)
	i := slices.IndexFunc(js, func(j listener.Judgement) bool { return j.Cookie == h.cookie })
	if i < 0 {
		h.say(listener.Judgement{})
		return
	}
	j := js[i]
	// The first looks at a process tell nothing of its progress.
	settled := 3 * h.interval
	switch {
	case j.Decision == nil:
		if j.Verdict != listener.Suspect && time.Since(h.began) > h.stuckAfter+settled {
			h.say(j)
		}
	case j.Decision.Act != listener.Hold:
		h.say(j)
	case slices.ContainsFunc(j.Decision.Reasons, endsNever):
		if j.Window.Observed > h.stuckAfter+settled {
			h.say(j)
		}
	case slices.ContainsFunc(j.Decision.Reasons, maybeEnds):
		if j.Window.Observed > h.settings.ActAfter+settled {
			h.say(j)
		}
	case j.Window.Observed > h.settings.ActAfter+max(settled, unserved) && !slices.Contains(j.Decision.Reasons, listener.TooSoon):
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
