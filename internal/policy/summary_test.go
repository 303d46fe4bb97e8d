package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestDescribe compares with testdata/policy.txt.
func TestDescribe(t *testing.T) {
	got, err := Describe("testdata/policy.yaml", testBase())
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "policy.txt", got)
}

func TestDescribeSays(t *testing.T) {
	armed := testBase()
	armed.Given.Action = new(listener.Kill)
	closing := testBase()
	closing.Given.Action = new(listener.Close)
	base, none := testBase(), testBase()
	none.Protect = nil
	for name, c := range map[string]struct {
		base         judge.Policy
		text         string
		want, unlike string
	}{
		"nothing armed":      {base, "version: 1", "nothing is killed or closed\n", "ARMED"},
		"defaults armed":     {base, killAll, "ARMED TO KILL: every listener\n", "nothing is killed"},
		"others armed":       {base, killAll + "\n" + watchOne, "ARMED TO KILL: every other listener\n", ""},
		"a flag arms":        {armed, "defaults: {action: observe}", "ARMED TO KILL: every listener\n", ""},
		"a flag arms a rule": {armed, watchOne, "ARMED TO KILL: rule 1, every other listener\n", ""},
		"closing alone":      {base, "defaults: {action: close}", "ARMED TO CLOSE: every listener\nof the", "KILL"},
		"one kills, one closes": {
			base, killAndClose, "ARMED TO KILL: rule 1, rule 3\nARMED TO CLOSE: rule 2\nof the", "nothing",
		},
		"a closing rule": {
			base, killAndClose,
			"rule 2 (line 3): CLOSE: its listener leaves, the process and its live connections stay\n", "",
		},
		"when it closes":         {base, killAndClose, "close after 15s\n", "would kill after 15s"},
		"none is closed alike":   {base, killAndClose, "close alike\n    waits on a silent peer leave", ""},
		"what is shared":         {base, "defaults: {action: close}", "several hold it        leave alone", ""},
		"what is shared is free": {base, killAll, "kill after", "several hold it"},
		"a flag closes":          {closing, killAll, "ARMED TO CLOSE: every listener\n", "KILL"},
		"protect closes nothing": {base, "defaults: {action: close, protect: true}", "every listener: PROTECTED", "ARMED"},
		"protect disarms":        {base, "defaults: {action: kill, protect: true}", "every listener: PROTECTED", "ARMED"},
		"a rule for all":         {base, "rules: [{set: {action: kill}}]", "all that no earlier rule matches", "every other"},
		"nobody protected":       {none, "version: 1", "whatever a rule says: nobody\n", ""},
		"protected after all": {
			base, "rules: [{match: {comm: [sshd, x]}, set: {action: kill}}]", "but never              sshd\n", "",
		},
		"a name from the file": {base, `rules: [{name: "a\"b", set: {action: kill}}]`, `rule 1 "a\"b" (line 1): KILL`, ""},
		"waiting takes served": {
			base, "defaults: {action: kill, allow-waiting: true}",
			"waits on a silent peer leave alone (allow-served is false)\n", "kill alike",
		},
		"waiting is no matter": {
			base, "defaults: {action: kill, allow-served: true, allow-waiting: true}",
			"waits on a silent peer kill alike\n", "",
		},
		"served is never sooner": {
			base, "defaults: {allow-served: true, act-after: 3m}", "would kill after 3m\n    no sib", "2m",
		},
	} {
		got, err := Describe(write(t, c.text), c.base)
		if err != nil || !strings.Contains(got, c.want) || c.unlike != "" && strings.Contains(got, c.unlike) {
			t.Errorf("%s: %v, %s\nwant %q, not %q", name, err, got, c.want, c.unlike)
		}
	}
}

// Short policies.
const (
	killAll  = "defaults: {action: kill}"
	watchOne = "rules: [{match: {port: 1}, set: {action: observe}}]"

	killAndClose = `rules:
- {match: {port: 1}, set: {action: kill}}
- {match: {port: 2}, set: {action: close, act-after: 15s, allow-sole: true}}
- {match: {port: 3}, set: {action: kill}}
`
)

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 90 * time.Second: "1m30s", 2 * time.Minute: "2m", time.Hour: "1h",
		10 * time.Hour: "10h", time.Hour + 10*time.Minute: "1h10m", 20 * time.Minute: "20m",
		time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
