package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/reusewatch/reusewatch/internal/listener"
)

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
	Gate         []jsonReason           `json:"gate"` // null: it was not asked
	Timeline     []jsonMoment           `json:"timeline"`
	Probe        *jsonProbe             `json:"probe"` // null unless suspect or stuck
}

type jsonClient struct {
	Remote string                 `json:"remote"`
	Waited seconds                `json:"waited_seconds"`
	Unread listener.Maybe[uint32] `json:"unread_bytes"`
	Gone   listener.Maybe[string] `json:"gone"`
}

type jsonReason struct {
	Reason  listener.Reason `json:"reason"`
	Meaning string          `json:"meaning"`
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

// ExplainJSON writes an explanation as one object, with as many clients as were
// asked for.
func ExplainJSON(w io.Writer, e *Explanation, d ExplainDetail) error {
	out := jsonExplanation{
		Schema: Schema, Time: stamp(e.At), Tier: e.Tier, Watched: e.Watched,
		Interval: seconds(e.Interval), Policy: e.Policy.json(), Note: maybeText(e.Note),
		Listener: toJSON(&e.Judgement), Group: allJSON(e.Members), Others: allJSON(e.Others),
		Timeline: []jsonMoment{},
	}
	if c, known := e.Clients.Get(); known {
		out.ClientsTotal, out.ClientsGone = listener.Known(c.Total), listener.Known(c.Gone)
		out.Clients = clientsJSON(c.Oldest[:min(d.Clients, len(c.Oldest))])
	}
	if e.asked() {
		out.Gate = []jsonReason{}
		for _, r := range e.Decision.Reasons {
			out.Gate = append(out.Gate, jsonReason{r, e.Meaning(r)})
		}
	}
	for _, m := range e.moments() {
		out.Timeline = append(out.Timeline, jsonMoment{stamp(m.at), m.what})
	}
	if pr, known := e.probe(); known {
		out.Probe = &jsonProbe{
			pr.share, pr.shared, seconds(probePeriod), probeThreshold, pr.probes, seconds(pr.expected()), e.Queue > e.Backlog,
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the explanation: %w", err)
	}
	return writeLine(w, b)
}

func clientsJSON(clients []listener.Client) []jsonClient {
	out := make([]jsonClient, len(clients))
	for i, c := range clients {
		out[i] = jsonClient{c.Remote.String(), seconds(c.Waited), c.Unread, maybeText(c.Gone)}
	}
	return out
}

func allJSON(js []listener.Judgement) []jsonListener {
	out := []jsonListener{}
	for i := range js {
		out = append(out, toJSON(&js[i]))
	}
	return out
}
