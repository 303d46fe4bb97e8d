package journal

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// schema names the JSON that this version writes; it only gains fields.
const schema = "reusewatch/v1"

// kind of an entry.
type kind string

// The kinds. An act has an intent, which is on the disk before it is begun, and
// an outcome.
const (
	intent  kind = "intent"
	outcome kind = "outcome"
)

// entry is one line of the log: one side of one act. A text that is "" is null there.
type entry struct {
	Schema    string                          `json:"schema"`
	Time      stamp                           `json:"time"`
	Kind      kind                            `json:"kind"`
	ActID     string                          `json:"act_id"`
	Action    listener.Action                 `json:"action"`
	PID       int                             `json:"pid"`
	Start     uint64                          `json:"start"` // ticks since boot, the process's identity beside its pid
	Comm      string                          `json:"comm"`
	Cmdline   []string                        `json:"cmdline"` // secrets are masked by the caller
	UID       uint32                          `json:"uid"`
	Listeners []string                        `json:"listeners"` // cookies
	Netns     uint32                          `json:"netns"`
	NetCookie uint64                          `json:"net_cookie"`
	Group     listener.Maybe[string]          `json:"group"`
	Cause     listener.Maybe[string]          `json:"cause"`
	Reasons   []listener.Reason               `json:"reasons"`
	Policy    listener.Maybe[string]          `json:"policy"`
	By        listener.Maybe[listener.By]     `json:"by"`
	Evidence  listener.Maybe[string]          `json:"evidence"`
	Clipped   bool                            `json:"clipped"` // it was too long for a line: see line
	Result    listener.Maybe[listener.Result] `json:"result"`  // of an outcome, and so is what follows
	Method    listener.Maybe[listener.Method] `json:"method"`
	Rescued   listener.Maybe[int]             `json:"rescued"`
	Stale     listener.Maybe[int]             `json:"stale"`
	TookMS    listener.Maybe[int64]           `json:"took_ms"`
	Error     listener.Maybe[string]          `json:"error"`
}

// newEntry makes one side of an act.
func newEntry(k kind, at time.Time, a *listener.Act) entry {
	j, o := &a.Judgement, &a.Owner
	e := entry{
		Schema: schema, Time: stamp(at), Kind: k, ActID: a.ID, Action: a.Action,
		PID: o.PID, Start: o.Start, Comm: o.Comm, Cmdline: append([]string{}, o.Cmdline...), UID: o.UID,
		Netns: j.Netns, NetCookie: j.NetCookie, Group: maybeText(j.GroupName), Cause: maybeText(a.Why()),
		Reasons: []listener.Reason{}, Policy: maybeText(a.Policy), By: maybeText(a.By), Evidence: maybeText(a.Evidence),
	}
	for _, c := range a.About() {
		e.Listeners = append(e.Listeners, c.String())
	}
	if j.Decision != nil {
		e.Reasons = append(e.Reasons, j.Decision.Reasons...)
	}
	if k == outcome {
		e.Result, e.Method, e.Error = maybeText(a.Result), maybeText(a.Method), maybeText(a.Failure)
		e.Rescued, e.Stale, e.TookMS = a.Rescued, a.Stale, listener.Known(a.Took.Milliseconds())
	}
	return e
}

// act is what an entry tells of an act to those who look for what became of it.
func (e *entry) act() *listener.Act {
	a := &listener.Act{
		ID: e.ActID, Action: e.Action, Owner: listener.Owner{Holder: &listener.Holder{PID: e.PID, Start: e.Start, Comm: e.Comm, UID: e.UID}},
		Judgement: listener.Judgement{Listener: &listener.Listener{
			Sample: listener.Sample{Netns: e.Netns, NetCookie: e.NetCookie}, GroupName: e.Group.Or(""),
		}},
	}
	for _, s := range e.Listeners {
		if c, err := strconv.ParseUint(s, 16, 64); err == nil {
			a.Listeners = append(a.Listeners, listener.Cookie(c))
		}
	}
	return a
}

// key joins an outcome with its intent: one act may close two listeners of a process.
type key struct {
	act      string
	pid      int
	listener string
}

func (e *entry) key() key {
	k := key{act: e.ActID, pid: e.PID}
	if len(e.Listeners) > 0 {
		k.listener = e.Listeners[0]
	}
	return k
}

// keepListeners is how many listeners an entry that is too long is left with.
const keepListeners = 1000

// line encodes an entry. What would be too long to be read again is clipped:
// the command line first, for whoever is acted on may choose its length.
func (e entry) line() ([]byte, error) {
	b, err := e.encode()
	if err == nil && len(b) > maxLine {
		e.Clipped, e.Cmdline = true, []string{}
		b, err = e.encode()
	}
	if err == nil && len(b) > maxLine && len(e.Listeners) > keepListeners {
		e.Listeners = e.Listeners[:keepListeners]
		b, err = e.encode()
	}
	if err == nil && len(b) > maxLine {
		err = fmt.Errorf("an entry of %d bytes is too long", len(b))
	}
	return b, err
}

func (e *entry) encode() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return append(text.ASCII(b), '\n'), nil
}
