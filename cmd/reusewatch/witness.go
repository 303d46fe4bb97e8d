package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/audit"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/report"
)

// witness keeps and tells what acts do: the budget, the evidence, the audit log,
// the events, in this order before anything is touched.
type witness struct {
	by      listener.By
	count   func(listener.PastAct) error
	policy  func() judge.Policy
	clients func(*listener.Listener, int) (listener.Clients, error)
	log     *audit.Log
	bundles *audit.Bundles
	emit    func(...report.Event)
	begun   func([]*listener.Act)
	done    func(*listener.Act)
}

// Intend counts the act before it is done: one that nobody counted, or of which
// no evidence could be kept, must not be.
func (w *witness) Intend(_ context.Context, acts []*listener.Act, snap *listener.Snapshot) error {
	now, p := time.Now(), w.policy()
	hash := policy.Hash(p)
	for _, act := range acts {
		act.By, act.Policy = w.by, hash
	}
	if err := w.count(acts[0].Past(now)); err != nil {
		return err
	}
	path, err := w.bundle(now, acts, snap, p)
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
		w.emit(report.Event{Time: time.Now(), Kind: report.Acting, Listener: &act.Judgement, Act: act})
	}
	return nil
}

func (w *witness) bundle(now time.Time, acts []*listener.Act, snap *listener.Snapshot, p judge.Policy) (string, error) {
	if w.bundles == nil {
		return "", nil
	}
	text, err := policy.JSON(p)
	if err != nil {
		return "", err
	}
	b := &report.Bundle{Time: now, Tier: snap.Tier, Policy: text}
	for _, act := range acts {
		if clients, err := w.clients(act.Judgement.Listener, kernel.MaxClients); err == nil {
			act.Clients = listener.Known(clients)
		} else if !errors.Is(err, kernel.ErrNotListening) {
			return "", err
		}
		b.Acts = append(b.Acts, *act)
	}
	for _, j := range judge.Judge(snap, &p, &judge.Past{}) {
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
	kind := report.Acted
	if err := w.log.Outcome(act); err != nil {
		act.Failure = strings.TrimPrefix(act.Failure+"\n"+err.Error(), "\n")
	}
	if act.Failure != "" {
		kind = report.ActFailed
	}
	w.done(act)
	w.emit(report.Event{Time: time.Now(), Kind: kind, Listener: &act.Judgement, Act: act})
}
