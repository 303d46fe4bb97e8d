package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Kind of an event.
type Kind string

// The events of a listener: [suspect] → stuck → held (per change of the first reason, at
// most one a minute) → recovered or closed. An act adds acting → acted or act_failed. Beside them,
// finding: once for each change of what is found about one that may well accept.
const (
	Ready     Kind = "ready"
	Listening Kind = "listening"
	Suspect   Kind = "suspect"
	Stuck     Kind = "stuck"
	Held      Kind = "held"
	Recovered Kind = "recovered"
	Closed    Kind = "closed"
	Acting    Kind = "acting"
	Acted     Kind = "acted"
	ActFailed Kind = "act_failed"
	Found     Kind = "finding"
	// Dropped tells of events that were left out: whoever reads them took none for long.
	Dropped Kind = "dropped"
)

// Event is one thing that happened.
type Event struct {
	Time     time.Time
	Kind     Kind
	Listener *listener.Judgement // nil for ready and dropped
	Tier     listener.Tier       // of ready
	Count    int                 // listeners, of ready; events, of dropped
	Act      *listener.Act       // of acting, acted and act_failed
}

type jsonEvent struct {
	Schema   string        `json:"schema"`
	Time     stamp         `json:"time"`
	Event    Kind          `json:"event"`
	Listener *jsonListener `json:"listener,omitempty"`

	Tier  listener.Tier `json:"tier,omitempty"`
	Count *int          `json:"listeners_watched,omitempty"`
	Lost  *int          `json:"events_dropped,omitempty"`
	*jsonAct
}

type jsonAct struct {
	ID        string                 `json:"act_id"`
	Action    listener.Action        `json:"action"`
	PID       int                    `json:"pid"`
	Method    listener.Method        `json:"method"`
	Listeners []string               `json:"listeners"`
	Rescue    listener.Maybe[string] `json:"rescue"`  // how clients are taken along, or why not
	Rescued   listener.Maybe[int]    `json:"rescued"` // clients that another member or holder got
	Stale     listener.Maybe[int]    `json:"stale"`   // clients that had gone, and were let go
	Evidence  listener.Maybe[string] `json:"evidence"`
	TookMS    listener.Maybe[int64]  `json:"took_ms"`
	Error     listener.Maybe[string] `json:"error"`
}

// Stream writes events as they come.
type Stream interface {
	Write(Event) error
}

// NewStream writes one JSON object a line.
func NewStream(w io.Writer) Stream { return stream{w} }

type stream struct{ w io.Writer }

func (s stream) Write(e Event) error {
	out := jsonEvent{Schema: Schema, Time: stamp(e.Time), Event: e.Kind, Tier: e.Tier}
	switch e.Kind {
	case Ready:
		out.Count = &e.Count
	case Dropped:
		out.Lost = &e.Count
	default:
	}
	if e.Listener != nil {
		l := toJSON(e.Listener)
		l.Evidence.cut()
		out.Listener = &l
	}
	if a := e.Act; a != nil {
		act := jsonAct{
			ID: a.ID, Action: a.Action, PID: a.Owner.PID, Method: a.Method,
			Listeners: cookies(a.Listeners), Rescue: maybeText(a.Rescue), Rescued: a.Rescued, Stale: a.Stale,
			Evidence: maybeText(a.Evidence), Error: maybeText(a.Failure),
		}
		if e.Kind != Acting {
			act.TookMS = listener.Known(a.Took.Milliseconds())
		}
		out.jsonAct = &act
	}
	b, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.Kind, err)
	}
	return writeLine(s.w, b)
}
