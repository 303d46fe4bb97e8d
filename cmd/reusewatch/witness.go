package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/audit"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/remedy"
	"github.com/reusewatch/reusewatch/internal/report"
)

// witness keeps and tells what acts do: the budget, the evidence, the audit log,
// the events, in this order before anything is touched.
type witness struct {
	by      audit.By
	count   func(judge.PastAct) error
	policy  func() judge.Policy
	clients func(*listener.Listener, int) (listener.Clients, error)
	log     *audit.Log
	bundles *audit.Bundles
	emit    func(...report.Event)
	begun   func([]*remedy.Act)
	done    func(*remedy.Act, error)

	mu   sync.Mutex
	kept map[string]kept // by act
}

// kept is what all sides of an act have in common.
type kept struct {
	evidence string // the file
	policy   string // the hash of what was in force
}

// Intend counts the act before it is done: one that nobody counted, or of which
// no evidence could be kept, must not be.
func (w *witness) Intend(_ context.Context, acts []*remedy.Act, snap *listener.Snapshot) error {
	first := &acts[0].Judgement
	now := time.Now()
	if err := w.count(judge.PastAct{At: now, Group: judge.GroupOf(first.Listener), Netns: first.NetCookie}); err != nil {
		return err
	}
	p := w.policy()
	path, err := w.bundle(now, acts, snap, p)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.kept[acts[0].ID] = kept{path, policy.Hash(p)}
	w.mu.Unlock()
	for _, act := range acts {
		if err := w.log.Intent(w.entry(act)); err != nil {
			return err
		}
	}
	w.begun(acts)
	for _, act := range acts {
		w.emit(report.Event{Time: time.Now(), Kind: report.Acting, Listener: &act.Judgement, Act: w.told(act)})
	}
	return nil
}

func (w *witness) bundle(now time.Time, acts []*remedy.Act, snap *listener.Snapshot, p judge.Policy) (string, error) {
	if w.bundles == nil {
		return "", nil
	}
	text, err := policy.JSON(p)
	if err != nil {
		return "", err
	}
	b := &report.Bundle{
		ActID: acts[0].ID, Action: acts[0].Action, Time: now, Tier: snap.Tier, Policy: text, PolicyHash: policy.Hash(p),
	}
	for _, act := range acts {
		t := report.BundleTarget{Judgement: act.Judgement, Leaving: act.Listeners}
		if clients, err := w.clients(act.Judgement.Listener, kernel.MaxClients); err == nil {
			t.Clients = listener.Known(clients)
		} else if !errors.Is(err, kernel.ErrNotListening) {
			return "", err
		}
		b.Targets = append(b.Targets, t)
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
func (w *witness) Done(act *remedy.Act, err error) {
	e := w.entry(act)
	e.Result, e.Method, e.Rescued, e.Stale = audit.Acted, string(act.Method), act.Rescued, act.Stale
	e.Took = listener.Known(act.Took)
	told := report.Event{Time: time.Now(), Kind: report.Acted, Listener: &act.Judgement, Act: w.told(act)}
	if err != nil {
		e.Result, e.Error = audit.Failed, err.Error()
	}
	if err = errors.Join(err, w.log.Outcome(e)); err != nil {
		told.Kind, told.Act.Failure = report.ActFailed, err.Error()
	}
	w.done(act, err)
	w.emit(told)
}

func (w *witness) told(act *remedy.Act) *report.Act {
	return &report.Act{
		ID: act.ID, Action: act.Action, PID: act.Owner.PID, Method: string(act.Method), Listeners: act.Listeners,
		Took: act.Took, Rescue: act.Rescue, Rescued: act.Rescued, Stale: act.Stale, Evidence: w.of(act).evidence,
	}
}

func (w *witness) of(act *remedy.Act) kept {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept[act.ID]
}

func (w *witness) entry(act *remedy.Act) audit.Entry {
	j := &act.Judgement
	k := w.of(act)
	e := audit.Entry{
		ActID: act.ID, Action: string(act.Action), PID: act.Owner.PID, Start: act.Owner.Start,
		Comm: act.Owner.Comm, Cmdline: act.Owner.Cmdline, UID: act.Owner.UID,
		Netns: j.Netns, NetCookie: j.NetCookie, Group: j.GroupName, Cause: string(j.Cause),
		By: w.by, Evidence: k.evidence, Policy: k.policy,
	}
	if !j.Stands() {
		e.Cause = string(listener.FindingSuperseded)
	}
	for _, c := range act.Listeners {
		e.Listeners = append(e.Listeners, c.String())
	}
	if len(e.Listeners) == 0 {
		e.Listeners = []string{j.Cookie.String()} // it stays, with its other holders
	}
	for _, r := range j.Decision.Reasons {
		e.Reasons = append(e.Reasons, string(r))
	}
	return e
}
