package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/journal"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// witness keeps and tells what acts do: the budget, the evidence, the audit log,
// the events, in this order before anything is touched.
type witness struct {
	decider
	by      listener.By
	counted *listener.PastAct  // of the act under way; nil: not counted
	owed    []listener.PastAct // to the budget, for the disk was full
	clients func(*listener.Listener, int) (listener.Clients, error)
	log     *journal.Log
	bundles *journal.Bundles
}

// Intend counts the act before it is done: one that nobody counted, or of which
// no evidence could be kept, must not be.
func (w *witness) Intend(_ context.Context, acts []*listener.Act, judged *remedy.Judged) error {
	now, p := time.Now(), w.inForce()
	w.counted = nil
	hash := policy.Hash(p)
	for _, act := range acts {
		act.By, act.Policy = w.by, hash
	}
	_ = w.giveBack() // where it cannot be, nothing can be counted either
	past := acts[0].Past(now)
	if err := w.count(past); err != nil {
		return err
	}
	w.counted = &past
	path, err := w.bundle(now, acts, judged, p)
	if err != nil {
		return err
	}
	for _, act := range acts {
		act.Evidence = path
		if err := w.log.Intent(act); err != nil {
			return err
		}
	}
	w.begun(acts)
	for _, act := range acts {
		w.emit(wire.Event{Time: time.Now(), Kind: wire.Acting, Listener: &act.Judgement, Act: act})
	}
	return nil
}

func (w *witness) bundle(now time.Time, acts []*listener.Act, judged *remedy.Judged, p judge.Policy) (string, error) {
	if w.bundles == nil {
		return "", nil
	}
	text, err := policy.JSON(p)
	if err != nil {
		return "", err
	}
	b := &wire.Bundle{Time: now, Tier: judged.Snapshot.Tier, Policy: text}
	for _, act := range acts {
		if clients, err := w.clients(act.Judgement.Listener, kernel.MaxClients); err == nil {
			act.Clients = listener.Known(clients)
		} else if !errors.Is(err, kernel.ErrNotListening) {
			return "", err
		}
		b.Acts = append(b.Acts, *act)
	}
	for _, j := range judged.Judgements {
		if j.Group != 0 && j.Group == acts[0].Judgement.Group {
			b.Group = append(b.Group, j)
		}
	}
	path, err := w.bundles.Write(acts[0].ID, now, b)
	if path != "" {
		err = nil // it is kept; that older ones are not removed stops no act
	}
	return path, err
}

// Done keeps and tells how an act ended.
func (w *witness) Done(act *listener.Act) {
	if err := w.log.Outcome(act); err != nil {
		act.Failure = strings.TrimPrefix(act.Failure+"\n"+err.Error(), "\n")
		if act.Result != listener.LeftAlone {
			act.Result = listener.Failed
		}
	}
	w.done(act)
	e := wire.Event{Time: time.Now(), Kind: wire.Acted, Listener: &act.Judgement, Act: act}
	switch act.Result {
	case listener.Failed:
		e.Kind = wire.ActFailed
	case listener.LeftAlone:
		e = changedMeanwhile(act.Judgement)
	default:
	}
	w.emit(e)
}

// Untouched gives back what an act that did nothing was counted for.
func (w *witness) Untouched() {
	if w.counted == nil {
		return
	}
	w.owed = append(w.owed, *w.counted)
	if err := w.giveBack(); err != nil {
		w.warn(fmt.Errorf("give back the budget of an act that touched nothing: %w", err))
	}
}

// giveBack gives the budget back what is owed to it.
func (w *witness) giveBack() error {
	for len(w.owed) > 0 {
		if err := w.uncount(w.owed[0]); err != nil {
			return err
		}
		w.owed = w.owed[1:]
	}
	return nil
}

// changedMeanwhile tells that a last look held.
func changedMeanwhile(j listener.Judgement) wire.Event {
	held := []listener.Reason{listener.ChangedMeanwhile}
	j.Decision = &listener.Decision{Act: listener.Hold, Reason: held[0], Reasons: held}
	return wire.Event{Time: time.Now(), Kind: wire.Held, Listener: &j}
}
