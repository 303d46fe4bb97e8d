package audit

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf16"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// jsonEntry is an Entry as the log has it.
type jsonEntry struct {
	Schema    string                 `json:"schema"`
	Time      stamp                  `json:"time"`
	Kind      Kind                   `json:"kind"`
	ActID     string                 `json:"act_id"`
	Action    string                 `json:"action"`
	PID       int                    `json:"pid"`
	Start     uint64                 `json:"start"`
	Comm      string                 `json:"comm"`
	Cmdline   []string               `json:"cmdline"`
	UID       uint32                 `json:"uid"`
	Listeners []string               `json:"listeners"`
	Netns     uint32                 `json:"netns"`
	NetCookie uint64                 `json:"net_cookie"`
	Group     listener.Maybe[string] `json:"group"`
	Cause     listener.Maybe[string] `json:"cause"`
	Reasons   []string               `json:"reasons"`
	Policy    listener.Maybe[string] `json:"policy"`
	By        listener.Maybe[By]     `json:"by"`
	Evidence  listener.Maybe[string] `json:"evidence"`
	Clipped   bool                   `json:"clipped"`
	Result    listener.Maybe[Result] `json:"result"`
	Method    listener.Maybe[string] `json:"method"`
	Rescued   listener.Maybe[int]    `json:"rescued"`
	Stale     listener.Maybe[int]    `json:"stale"`
	TookMS    listener.Maybe[int64]  `json:"took_ms"`
	Error     listener.Maybe[string] `json:"error"`
}

func (e *Entry) toJSON() jsonEntry {
	out := jsonEntry{
		Schema: Schema, Time: stamp(e.Time), Kind: e.Kind, ActID: e.ActID, Action: e.Action,
		PID: e.PID, Start: e.Start, Comm: e.Comm, Cmdline: append([]string{}, e.Cmdline...), UID: e.UID,
		Listeners: append([]string{}, e.Listeners...), Netns: e.Netns, NetCookie: e.NetCookie,
		Group: maybeText(e.Group), Cause: maybeText(e.Cause), Reasons: append([]string{}, e.Reasons...),
		Policy: maybeText(e.Policy), By: maybeText(e.By), Evidence: maybeText(e.Evidence), Clipped: e.Clipped,
		Result: maybeText(e.Result), Method: maybeText(e.Method),
		Rescued: e.Rescued, Stale: e.Stale, Error: maybeText(e.Error),
	}
	if took, known := e.Took.Get(); known {
		out.TookMS = listener.Known(took.Milliseconds())
	}
	return out
}

func (j *jsonEntry) entry() Entry {
	out := Entry{
		Kind: j.Kind, Time: time.Time(j.Time), ActID: j.ActID, Action: j.Action,
		PID: j.PID, Start: j.Start, Comm: j.Comm, Cmdline: j.Cmdline, UID: j.UID,
		Listeners: j.Listeners, Netns: j.Netns, NetCookie: j.NetCookie,
		Group: j.Group.Or(""), Cause: j.Cause.Or(""), Reasons: j.Reasons,
		Policy: j.Policy.Or(""), By: j.By.Or(""), Evidence: j.Evidence.Or(""), Clipped: j.Clipped,
		Result: j.Result.Or(""), Method: j.Method.Or(""),
		Rescued: j.Rescued, Stale: j.Stale, Error: j.Error.Or(""),
	}
	if ms, known := j.TookMS.Get(); known {
		out.Took = listener.Known(time.Duration(ms) * time.Millisecond)
	}
	return out
}

// stamp is RFC 3339 in UTC with milliseconds.
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(s).UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

func (s *stamp) UnmarshalJSON(b []byte) error {
	var t time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	*s = stamp(t)
	return nil
}

// maybeText is null for "".
func maybeText[S ~string](s S) listener.Maybe[S] {
	if s == "" {
		return listener.Maybe[S]{}
	}
	return listener.Known(s)
}

// keepListeners is how many listeners an entry that is too long is left with.
const keepListeners = 1000

// line encodes an entry. What would be too long to be read again is clipped:
// the command line first, for whoever is acted on may choose its length.
func (e Entry) line() ([]byte, error) {
	b, err := e.encode()
	if err == nil && len(b) > maxLine {
		e.Clipped, e.Cmdline = true, nil
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

func (e *Entry) encode() ([]byte, error) {
	b, err := json.Marshal(e.toJSON())
	if err != nil {
		return nil, err
	}
	return append(ascii(b), '\n'), nil
}

// ascii escapes the rest of JSON: what a process calls itself must not reach a
// terminal raw, nor be changed for a program that reads it.
func ascii(b []byte) []byte {
	out := make([]byte, 0, len(b)+1)
	for _, r := range string(b) {
		switch {
		case r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
