package wire

import (
	"encoding/json"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Bundle is the evidence of what is done in one go, as it is kept before anything is
// touched: no environment is in it, and secret-looking arguments are masked.
type Bundle struct {
	Time   time.Time
	Tier   listener.Tier
	Acts   []listener.Act       // at least one
	Group  []listener.Judgement // every member
	Policy json.RawMessage      // that is in force

	left int // how often something was left out
}

type jsonBundle struct {
	Schema     string             `json:"schema"`
	Time       stamp              `json:"time"`
	ActID      string             `json:"act_id"`
	Action     listener.Action    `json:"action"`
	Tier       listener.Tier      `json:"tier"`
	Shortened  bool               `json:"shortened"` // clients, threads or members were left out
	Targets    []jsonBundleTarget `json:"targets"`
	Group      []jsonListener     `json:"group"`
	PolicyHash string             `json:"policy_sha256"`
	Policy     json.RawMessage    `json:"policy"`
}

type jsonBundleTarget struct {
	PID          int                 `json:"pid"`
	Leaving      []string            `json:"listeners"`
	Listener     jsonListener        `json:"listener"`
	Clients      []jsonClient        `json:"clients"`
	ClientsTotal listener.Maybe[int] `json:"clients_total"`
	ClientsGone  listener.Maybe[int] `json:"clients_gone"`
}

// MarshalJSON gives the bundle as it is kept.
func (b *Bundle) MarshalJSON() ([]byte, error) {
	out := jsonBundle{
		Schema: Schema, Time: stamp(b.Time), ActID: b.Acts[0].ID, Action: b.Acts[0].Action, Tier: b.Tier, Shortened: b.left > 0,
		Targets: []jsonBundleTarget{}, Group: allJSON(b.Group), PolicyHash: b.Acts[0].Policy, Policy: b.Policy,
	}
	for i := range b.Acts {
		a := &b.Acts[i]
		jt := jsonBundleTarget{PID: a.Owner.PID, Listener: toJSON(&a.Judgement), Leaving: cookies(a.Listeners)}
		if c, known := a.Clients.Get(); known {
			jt.ClientsTotal, jt.ClientsGone = listener.Known(c.Total), listener.Known(c.Gone)
			jt.Clients = clientsJSON(c.Oldest)
		}
		out.Targets = append(out.Targets, jt)
	}
	return json.Marshal(out)
}

// Shrink leaves out half of the clients, then what is told of the group's members.
func (b *Bundle) Shrink() bool {
	b.left++
	shrunk := false
	for i := range b.Acts {
		if c, known := b.Acts[i].Clients.Get(); known && len(c.Oldest) > 0 {
			c.Oldest = c.Oldest[:len(c.Oldest)/2]
			b.Acts[i].Clients = listener.Known(c)
			shrunk = true
		}
	}
	if !shrunk && len(b.Group) > 0 {
		b.Group = b.Group[:len(b.Group)/2]
		shrunk = true
	}
	return shrunk
}

func cookies(cs []listener.Cookie) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.String()
	}
	return out
}
