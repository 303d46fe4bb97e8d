package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Explanation is all that is known about one listener.
type Explanation struct {
	listener.Judgement
	Tier     listener.Tier
	Watched  bool          // else it was looked at once
	Interval time.Duration // between looks
	Policy   Thresholds    // that hold for it
	Note     string        // how its name was understood, "" where that is plain
	// Members are those of its group, itself among them; nil: it is in none.
	Members []listener.Judgement
	Others  []listener.Judgement // what else goes by the name, the worst first
	Clients listener.Maybe[listener.Clients]
}

// Told is what is said of it beside what is known: whoever reads an explanation says it anew.
type Told struct {
	Gate     []Meaning // nil: it was not asked
	Timeline []Moment
	Probe    *Probe // nil unless suspect or stuck
}

// Meaning says what a reason of the gate means here, and what would lift it.
type Meaning struct {
	Reason  listener.Reason `json:"reason"`
	Meaning string          `json:"meaning"`
}

// Moment is one thing that happened.
type Moment struct {
	At   time.Time
	What string
}

// Probe is how long a liveness probe takes to notice.
type Probe struct {
	Share      float64 // of new connections that land here
	Measured   bool    // else 1 of the members
	Period     time.Duration
	Threshold  int     // failures in a row
	Probes     float64 // on average, up to these
	Expected   time.Duration
	TCPNotices bool
}

type jsonExplanation struct {
	Schema       string                 `json:"schema"`
	Time         stamp                  `json:"time"`
	Tier         listener.Tier          `json:"tier"`
	Watched      bool                   `json:"watched"` // false: one look without history
	Interval     seconds                `json:"interval_seconds"`
	Policy       jsonPolicy             `json:"policy"` // that holds for it
	Note         listener.Maybe[string] `json:"note"`
	Listener     jsonListener           `json:"listener"`
	Group        []jsonListener         `json:"group"`  // empty: it is in none
	Others       []jsonListener         `json:"others"` // what else goes by the name
	Clients      []jsonClient           `json:"clients"`
	ClientsTotal listener.Maybe[int]    `json:"clients_total"`
	ClientsGone  listener.Maybe[int]    `json:"clients_gone"`
	Gate         []Meaning              `json:"gate"` // null: it was not asked
	Timeline     []jsonMoment           `json:"timeline"`
	Probe        *jsonProbe             `json:"probe"` // null unless suspect or stuck
}

type jsonClient struct {
	Remote string                 `json:"remote"`
	Waited seconds                `json:"waited_seconds"`
	Unread listener.Maybe[uint32] `json:"unread_bytes"`
	Gone   listener.Maybe[string] `json:"gone"`
}

type jsonMoment struct {
	Time stamp  `json:"time"`
	What string `json:"what"`
}

type jsonProbe struct {
	Share            float64 `json:"share"`
	Measured         bool    `json:"share_measured"` // else 1 of the members
	PeriodSeconds    seconds `json:"period_seconds"`
	FailureThreshold int     `json:"failure_threshold"`
	ExpectedProbes   float64 `json:"expected_probes"`
	ExpectedSeconds  seconds `json:"expected_seconds"`
	TCPNotices       bool    `json:"tcp_notices"`
}

// WriteExplanation writes an explanation as one object, with as many clients as were asked
// for.
func WriteExplanation(w io.Writer, e *Explanation, clients int, told Told) error {
	out := jsonExplanation{
		Schema: Schema, Time: stamp(e.At), Tier: e.Tier, Watched: e.Watched,
		Interval: seconds(e.Interval), Policy: e.Policy.json(), Note: maybeText(e.Note),
		Listener: toJSON(&e.Judgement), Group: allJSON(e.Members), Others: allJSON(e.Others),
		Gate: told.Gate, Timeline: []jsonMoment{},
	}
	if c, known := e.Clients.Get(); known {
		out.ClientsTotal, out.ClientsGone = listener.Known(c.Total), listener.Known(c.Gone)
		out.Clients = clientsJSON(c.Oldest[:min(clients, len(c.Oldest))])
	}
	for _, m := range told.Timeline {
		out.Timeline = append(out.Timeline, jsonMoment{stamp(m.At), m.What})
	}
	if p := told.Probe; p != nil {
		out.Probe = &jsonProbe{p.Share, p.Measured, seconds(p.Period), p.Threshold, p.Probes, seconds(p.Expected), p.TCPNotices}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the explanation: %w", err)
	}
	return writeLine(w, b)
}

// ReadExplanation reads what WriteExplanation writes.
func ReadExplanation(r io.Reader) (*Explanation, error) {
	var in jsonExplanation
	if err := newBounded(r).decode(&in); err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	at := time.Time(in.Time)
	this, err := in.Listener.judgement(at)
	if err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	e := &Explanation{
		Judgement: this, Tier: word(in.Tier), Watched: in.Watched, Interval: time.Duration(in.Interval),
		Policy: in.Policy.thresholds(), Note: word(in.Note.Or("")),
	}
	if e.Members, err = judgements(in.Group, at); err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	if e.Others, err = judgements(in.Others, at); err != nil {
		return nil, fmt.Errorf("read an explanation: %w", err)
	}
	if total, known := in.ClientsTotal.Get(); known {
		c := listener.Clients{Total: total, Gone: in.ClientsGone.Or(0)}
		for _, jc := range in.Clients {
			remote, err := parseAddrPort(jc.Remote)
			if err != nil {
				return nil, fmt.Errorf("read an explanation: client: %w", err)
			}
			c.Oldest = append(c.Oldest, listener.Client{
				Remote: remote, Waited: time.Duration(jc.Waited), Unread: jc.Unread, Gone: listener.Gone(word(jc.Gone.Or(""))),
			})
		}
		e.Clients = listener.Known(c)
	}
	return e, nil
}

func clientsJSON(clients []listener.Client) []jsonClient {
	out := make([]jsonClient, len(clients))
	for i, c := range clients {
		out[i] = jsonClient{c.Remote.String(), seconds(c.Waited), c.Unread, maybeText(c.Gone)}
	}
	return out
}
