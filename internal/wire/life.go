package wire

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// jsonLife is what showed of a process while a listener of it was suspected.
type jsonLife struct {
	Followed seconds                 `json:"followed_seconds"`
	Inert    listener.Maybe[seconds] `json:"inert_seconds"`
	Slices   uint64                  `json:"slices"`
	Moved    jsonShown               `json:"moved"`
	Served   jsonShown               `json:"served"`
	Polled   jsonShown               `json:"polled"`
	Alive    jsonShown               `json:"alive"` // it waited for somebody alive
	Asked    jsonShown               `json:"asked"` // the same of what --allow-waiting lifts
	Ran      jsonShown               `json:"ran"`
	Waits    []jsonWait              `json:"waits"`

	Children     int                  `json:"children"`
	Timers       listener.Maybe[bool] `json:"timers"`
	Async        listener.Maybe[bool] `json:"async"`
	SharesMemory listener.Maybe[bool] `json:"shares_memory"`
	Rings        listener.Maybe[bool] `json:"io_uring"`
	Execs        listener.Maybe[int]  `json:"execs"`
	Calls        *jsonCalls           `json:"calls"`   // null: not watched
	Refused      *jsonRefused         `json:"refused"` // null: no accept() of it was seen to fail
}

type jsonShown struct {
	Known bool                    `json:"known"`
	Ago   listener.Maybe[seconds] `json:"ago_seconds"` // null: it never showed
	What  listener.Maybe[string]  `json:"what"`
	Gap   listener.Maybe[seconds] `json:"gap_seconds"` // since it could not be looked for; null: it always could
}

type jsonWait struct {
	For     listener.For           `json:"for"`
	Threads int                    `json:"threads"`
	Call    listener.Maybe[string] `json:"call"`
	Wchan   listener.Maybe[string] `json:"wchan"`
	Thing   listener.Maybe[string] `json:"thing"`
	Client  bool                   `json:"client"` // that is a connection of the listener's own port
	Ends    []jsonEnd              `json:"ends"`
	AllEnds bool                   `json:"all_ends"` // there are no others
	Still   seconds                `json:"still_seconds"`
}

type jsonEnd struct {
	PID    int                    `json:"pid"`
	Comm   string                 `json:"comm"`
	Halted bool                   `json:"halted"`
	Then   listener.Maybe[string] `json:"then"`
}

type jsonCalls struct {
	Over     seconds `json:"over_seconds"`
	Total    uint64  `json:"total"`
	Received uint64  `json:"received"`
	Sent     uint64  `json:"sent"`
	Accepted uint64  `json:"accepted"`
}

type jsonRefused struct {
	N     uint64 `json:"n"`
	Errno int    `json:"errno"`
}

func maybeSeconds(d listener.Maybe[time.Duration]) listener.Maybe[seconds] {
	if v, known := d.Get(); known {
		return listener.Known(seconds(v))
	}
	return listener.Maybe[seconds]{}
}

func maybeDuration(s listener.Maybe[seconds]) listener.Maybe[time.Duration] {
	if v, known := s.Get(); known {
		return listener.Known(time.Duration(v))
	}
	return listener.Maybe[time.Duration]{}
}

func lifeJSON(ev *listener.Evidence) *jsonLife {
	l, known := ev.Life.Get()
	if !known {
		return nil
	}
	shown := func(s listener.Shown) jsonShown {
		return jsonShown{s.Known, maybeSeconds(s.Ago), maybeText(s.What), maybeSeconds(s.Gap)}
	}
	out := &jsonLife{
		Followed: seconds(l.Followed), Inert: maybeSeconds(l.Inert), Slices: l.Slices,
		Moved: shown(l.Moved), Served: shown(l.Served), Polled: shown(l.Polled), Alive: shown(l.Alive), Asked: shown(l.Asked), Ran: shown(l.Ran),
		Waits: []jsonWait{}, Children: l.Children, Timers: l.Timers, Async: l.Async, SharesMemory: l.SharesMemory, Rings: l.Rings, Execs: l.Execs,
	}
	for i := range l.Waits {
		w := &l.Waits[i]
		jw := jsonWait{w.For, w.Threads, maybeText(w.Call), maybeText(w.Wchan), maybeText(w.Thing), w.Client, []jsonEnd{}, w.AllEnds, seconds(w.Still)}
		for _, e := range w.Ends {
			jw.Ends = append(jw.Ends, jsonEnd{e.PID, e.Comm, e.Halted, maybeText(e.Then)})
		}
		out.Waits = append(out.Waits, jw)
	}
	if c, known := l.Calls.Get(); known {
		out.Calls = &jsonCalls{seconds(c.Over), c.Total, c.Received, c.Sent, c.Accepted}
	}
	if r := l.Refused; r.N > 0 {
		out.Refused = &jsonRefused{r.N, r.Errno}
	}
	return out
}

// life is unknown where there is none.
func (in *jsonLife) life() listener.Maybe[listener.Life] {
	if in == nil {
		return listener.Maybe[listener.Life]{}
	}
	shown := func(s jsonShown) listener.Shown {
		return listener.Shown{Known: s.Known, Ago: maybeDuration(s.Ago), What: s.What.Or(""), Gap: maybeDuration(s.Gap)}
	}
	l := listener.Life{
		Followed: time.Duration(in.Followed), Inert: maybeDuration(in.Inert), Slices: in.Slices,
		Moved: shown(in.Moved), Served: shown(in.Served), Polled: shown(in.Polled), Alive: shown(in.Alive), Asked: shown(in.Asked), Ran: shown(in.Ran),
		Children: in.Children, Timers: in.Timers, Async: in.Async, SharesMemory: in.SharesMemory, Rings: in.Rings, Execs: in.Execs,
	}
	for i := range in.Waits {
		jw := &in.Waits[i]
		w := listener.Wait{
			For: jw.For, Threads: jw.Threads, Call: jw.Call.Or(""), Wchan: jw.Wchan.Or(""), Thing: listener.ThingKind(jw.Thing.Or("")), Client: jw.Client,
			AllEnds: jw.AllEnds, Still: time.Duration(jw.Still),
		}
		for _, e := range jw.Ends {
			w.Ends = append(w.Ends, listener.End{PID: e.PID, Comm: e.Comm, Halted: e.Halted, Then: listener.For(e.Then.Or(""))})
		}
		l.Waits = append(l.Waits, w)
	}
	if c := in.Calls; c != nil {
		l.Calls = listener.Known(listener.Calls{
			Over: time.Duration(c.Over), Total: c.Total, Received: c.Received, Sent: c.Sent, Accepted: c.Accepted,
		})
	}
	if r := in.Refused; r != nil {
		l.Refused = listener.Refusal{N: r.N, Errno: r.Errno}
	}
	return listener.Known(l)
}
