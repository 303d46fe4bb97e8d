package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// Hash names what is in force: the hex SHA-256 of [JSON], or "" where that fails.
func Hash(p judge.Policy) string {
	text, err := JSON(p)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// JSON gives all that is in force, but Self, which differs from run to run. Two
// policies have the same JSON only if they are the same. It is compact, as
// `jq -c` prints it, so that a hash can be checked with what an operator has.
func JSON(p judge.Policy) ([]byte, error) {
	out := jsonPolicy{
		Defaults: toJSON(every(&p.Default)), Rules: []jsonRule{}, Given: toJSON(p.Given),
		Scope: filterJSON(&p.Scope), Protect: plain(p.Protect), HostBudget: allowance(p.HostBudget),
	}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, jsonRule{matchJSON(&r.Match), toJSON(r.Set)})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return nil, fmt.Errorf("encode policy: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// The keys are the file's, with _ for -.
type jsonPolicy struct {
	Defaults   jsonSettings `json:"defaults"`
	Rules      []jsonRule   `json:"rules"`
	Given      jsonSettings `json:"given"`
	Scope      jsonFilter   `json:"scope"`
	Protect    []string     `json:"protect"`
	HostBudget allowance    `json:"host_budget"`
}

type jsonRule struct {
	Match jsonMatch    `json:"match"`
	Set   jsonSettings `json:"set"`
}

type jsonMatch struct {
	Ports   []uint16       `json:"port,omitempty"`
	Addrs   []netip.Prefix `json:"addr,omitempty"`
	Comms   []string       `json:"comm,omitempty"`
	Exes    []string       `json:"exe,omitempty"`
	UIDs    []uint32       `json:"uid,omitempty"`
	Cgroups []string       `json:"cgroup,omitempty"`
	jsonContainers
}

type jsonFilter struct {
	Ports []uint16       `json:"port,omitempty"`
	Addrs []netip.Prefix `json:"addr,omitempty"`
	Netns []uint32       `json:"netns,omitempty"`
	PIDs  []int          `json:"pid,omitempty"`
	Comms []string       `json:"comm,omitempty"`
	UIDs  []uint32       `json:"uid,omitempty"`
	jsonContainers
}

type jsonContainers struct {
	IDs        []string `json:"container,omitempty"`
	Pods       []string `json:"pod,omitempty"`
	Namespaces []string `json:"namespace,omitempty"`
}

func matchJSON(m *judge.Match) jsonMatch {
	return jsonMatch{m.Ports, m.Addrs, plain(m.Comms), plain(m.Exes), m.UIDs, plain(m.Cgroups), containersJSON(m.Containers)}
}

func filterJSON(f *listener.Filter) jsonFilter {
	return jsonFilter{f.Ports, f.Addrs, f.Netns, f.PIDs, plain(f.Comms), f.UIDs, containersJSON(f.Containers)}
}

func containersJSON(c listener.Containers) jsonContainers {
	return jsonContainers{plain(c.IDs), plain(c.Pods), plain(c.Namespaces)}
}

type jsonSettings struct {
	Action         *listener.Act `json:"action,omitempty"`
	StuckAfter     *duration     `json:"stuck_after,omitempty"`
	ActAfter       *duration     `json:"act_after,omitempty"`
	ActAfterServed *duration     `json:"act_after_served,omitempty"`
	StartupGrace   *duration     `json:"startup_grace,omitempty"`
	AllowSole      *bool         `json:"allow_sole,omitempty"`
	AllowServed    *bool         `json:"allow_served,omitempty"`
	AllowStopped   *bool         `json:"allow_stopped,omitempty"`
	Protect        *bool         `json:"protect,omitempty"`
	MaxActs        *allowance    `json:"max_acts,omitempty"`

	Superseded      *listener.Act `json:"superseded,omitempty"`
	SupersededAfter *duration     `json:"superseded_after,omitempty"`
}

func toJSON(o judge.Override) jsonSettings {
	return jsonSettings{
		Action: o.Action, StuckAfter: (*duration)(o.StuckAfter), ActAfter: (*duration)(o.ActAfter),
		ActAfterServed: (*duration)(o.ActAfterServed), StartupGrace: (*duration)(o.StartupGrace),
		AllowSole: o.AllowSole, AllowServed: o.AllowServed, AllowStopped: o.AllowStopped,
		Protect: o.Protect, MaxActs: (*allowance)(o.Budget),
		Superseded: o.Superseded, SupersededAfter: (*duration)(o.SupersededAfter),
	}
}

// every gives the override that sets all of s.
func every(s *judge.Settings) judge.Override {
	return judge.Override{
		Action: &s.Action, StuckAfter: &s.StuckAfter, ActAfter: &s.ActAfter,
		ActAfterServed: &s.ActAfterServed, StartupGrace: &s.StartupGrace,
		AllowSole: &s.AllowSole, AllowServed: &s.AllowServed, AllowStopped: &s.AllowStopped,
		Protect: &s.Protect, Budget: &s.Budget,
		Superseded: &s.Superseded, SupersededAfter: &s.SupersededAfter,
	}
}

// duration and allowance are written as the file has them: 10m, 1/10m.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(short(time.Duration(d))), nil }

type allowance judge.Budget

func (a allowance) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d/%s", a.Acts, short(a.Per)), nil
}

// plain writes names that cannot be printed as hex, for flags take any bytes:
// JSON would make one of those that are no UTF-8.
func plain(names []string) []string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = s
		if proc.Printable(s) != s || strings.HasPrefix(s, "hex:") {
			out[i] = "hex:" + hex.EncodeToString([]byte(s))
		}
	}
	return out
}
