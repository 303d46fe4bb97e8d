package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
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
		Defaults: p.Default.Fields(), Rules: []jsonRule{}, Given: p.Given.Fields(),
		Scope: filterJSON(&p.Scope), Protect: plain(p.Protect), HostBudget: budgetText(p.HostBudget),
	}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, jsonRule{matchJSON(&r.Match), r.Set.Fields()})
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
	HostBudget string       `json:"host_budget"`
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

// jsonSettings are all of them, or what is said.
type jsonSettings []judge.Field

// MarshalJSON gives them in their order.
func (s jsonSettings) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for _, f := range s {
		text, is := written(f.At)
		if !is {
			continue
		}
		var said any = text
		if truth, is := value[bool](f.At); is {
			said = truth
		}
		if paths, is := value[[]string](f.At); is {
			said = plain(paths)
		}
		encoded, err := json.Marshal(said)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%q:%s", strings.ReplaceAll(f.Key, "-", "_"), encoded)
	}
	return fmt.Appendf(nil, "{%s}", bytes.TrimPrefix(b.Bytes(), []byte(","))), nil
}

func budgetText(b judge.Budget) string { return fmt.Sprintf("%d/%s", b.Acts, short(b.Per)) }

// plain writes names that cannot be printed as hex, for flags take any bytes:
// JSON would make one of those that are no UTF-8.
func plain(names []string) []string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = s
		if text.Printable(s) != s || strings.HasPrefix(s, "hex:") {
			out[i] = "hex:" + hex.EncodeToString([]byte(s))
		}
	}
	return out
}
