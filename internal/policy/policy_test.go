package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

func testBase() judge.Policy {
	return judge.Policy{
		Default: judge.Settings{
			Action: listener.Observe, StuckAfter: 10 * time.Second, ActAfter: 30 * time.Second,
			ActAfterServed: 2 * time.Minute, StartupGrace: 5 * time.Minute, Budget: judge.Budget{Acts: 1, Per: 10 * time.Minute},
			Superseded: listener.Report, SupersededAfter: time.Minute, Siblings: listener.WithinContainer,
		},
		Protect: []string{"sshd"}, Self: []int{1, 4000},
		Scope:      listener.Filter{Ports: []uint16{80}},
		HostBudget: judge.Budget{Acts: 5, Per: time.Hour},
	}
}

func diff(a, b any) string {
	return cmp.Diff(a, b, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty())
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	got, err := Load("testdata/policy.yaml", testBase())
	if err != nil {
		t.Fatal(err)
	}
	want := testBase()
	want.Protect = []string{"sshd", "nginx"}
	want.HostBudget = judge.Budget{Acts: 4, Per: 2 * time.Hour}
	want.Default.ActAfter, want.Default.Budget.Per = 45*time.Second, 5*time.Minute
	want.Rules = []judge.Rule{
		{Match: judge.Match{Ports: []uint16{22}}, Set: judge.Override{Protect: new(true)}},
		{
			Match: judge.Match{
				Ports: []uint16{80, 443},
				Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")},
				Comms: []string{"haproxy", "nginx"}, Exes: []string{"/usr/*/haproxy"}, UIDs: []uint32{0},
				Cgroups: []string{"/kubepods"},
				Containers: listener.Containers{
					IDs: []string{"3f2a", "3e12"}, Pods: []string{"edge-*"}, Namespaces: []string{"web", "shop"},
				},
			},
			Set: judge.Override{
				Action: new(listener.Kill), ActAfter: new(15 * time.Second), ActAfterServed: new(90 * time.Second),
				AllowServed: new(true), Budget: &judge.Budget{Acts: 2, Per: 10 * time.Minute},
			},
		},
		{
			Match: judge.Match{Addrs: []netip.Prefix{netip.MustParsePrefix("::1/128")}},
			Set: judge.Override{
				Action: new(listener.Kill), StuckAfter: new(90 * time.Second), ActAfter: new(time.Hour),
				StartupGrace: new(time.Duration(0)), AllowSole: new(true), AllowStopped: new(true),
				Superseded: new(listener.Close), SupersededAfter: new(2 * time.Minute),
				Siblings: new(listener.WithinPod), SameProgram: &[]string{"/usr/sbin/nginx", "/usr/sbin/nginx.old"},
			},
		},
	}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestDocs: the example of docs/policy.md means what the page says.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, rest, _ := strings.Cut(rest, "```")
	base := testBase()
	base.Protect = []string{"systemd", "sshd", "kubelet", "containerd", "dockerd", "crio"}
	got, err := Describe(write(t, example), base)
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(rest, "touches nothing:\n\n")
	said, _, _ = strings.Cut(said, "\nA file with a mistake")
	n := 0
	for line := range strings.Lines(said) {
		line = strings.TrimPrefix(line, "    ")
		if strings.TrimSpace(line) == "…" {
			continue
		}
		n++
		if !strings.Contains(got, line) {
			t.Errorf("the page has %q, which is not in\n%s", line, got)
		}
	}
	if n < 16 {
		t.Errorf("%d lines found in the page", n)
	}
	others := []string{"port", "addr", "comm", "exe", "uid", "cgroup", "container", "version", "host-budget", "rules"}
	for _, key := range append(settingKeys(), others...) {
		if !strings.Contains(string(page), "\n| `"+key+"` |") {
			t.Errorf("the page has no row for %s", key)
		}
	}
}

// TestDefaultsTakeEverySetting: so does set, which they share the reading with.
func TestDefaultsTakeEverySetting(t *testing.T) {
	got, err := Parse("p", []byte(`defaults:
  action: kill
  stuck-after: 1s
  act-after: 2s
  act-after-served: 3s
  startup-grace: 4s
  allow-sole: true
  allow-served: true
  allow-stopped: true
  protect: true
  max-acts: 7/8h
  superseded: close
  superseded-after: 9s
  siblings: any
  same-program: [/a, /b]
`), testBase())
	want := judge.Settings{
		Action: listener.Kill, StuckAfter: time.Second, ActAfter: 2 * time.Second, ActAfterServed: 3 * time.Second,
		StartupGrace: 4 * time.Second, AllowSole: true, AllowServed: true, AllowStopped: true, Protect: true,
		Budget:     judge.Budget{Acts: 7, Per: 8 * time.Hour},
		Superseded: listener.Close, SupersededAfter: 9 * time.Second,
		Siblings: listener.Anywhere, SameProgram: []string{"/a", "/b"},
	}
	if d := diff(want, got.Default); err != nil || d != "" {
		t.Error(err, d)
	}
}

// TestPrecedence: built in, then defaults, then the first matching rule, then
// what was typed.
func TestPrecedence(t *testing.T) {
	const text = `
defaults: {act-after: 40s, act-after-served: 50s, startup-grace: 1m}
rules:
  - match: {port: 80}
    set: {act-after-served: 60s, startup-grace: 2m}
  - match: {port: [80, 81]}
    set: {act-after-served: 70s, allow-sole: true}
`
	base := testBase()
	base.Given = judge.Override{StartupGrace: new(3 * time.Minute)}
	p, err := Parse("p", []byte(text), base)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener.Listener{Sample: listener.Sample{Local: netip.MustParseAddrPort("10.1.2.3:80")}}
	got, want := p.For(l), testBase().Default // stuck-after is built in
	want.ActAfter = 40 * time.Second          // of defaults
	want.ActAfterServed = 60 * time.Second    // of the first rule that matches, and of no other
	want.StartupGrace = 3 * time.Minute       // typed
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestBaseStays: what Parse adds to must not be shared with what it gives.
func TestBaseStays(t *testing.T) {
	base := testBase()
	base.Protect = append(make([]string, 0, 10), "sshd")
	base.Rules = append(make([]judge.Rule, 0, 10), judge.Rule{Match: judge.Match{Ports: []uint16{1}}})
	text := func(comm string) []byte {
		return []byte("protect: " + comm + "\nrules: [{match: {comm: " + comm + "}, set: {protect: true}}]\n")
	}
	one, err1 := Parse("p", text("one"), base)
	two, err2 := Parse("p", text("two"), base)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for comm, p := range map[string]judge.Policy{"one": one, "two": two} {
		if p.Protect[1] != comm || len(p.Rules) != 2 || p.Rules[0].Match.Ports[0] != 1 || p.Rules[1].Match.Comms[0] != comm {
			t.Errorf("%s: protect %q, rules %+v", comm, p.Protect, p.Rules)
		}
	}
}

func TestAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark":         "\ufeffversion: 1\n",
		"CRLF":                    "version: 1\r\ndefaults:\r\n  action: kill\r\n",
		"version alone":           "version: 1",
		"explicit document":       "---\nversion: 1\n...\n",
		"lists that are empty":    "protect: []\nrules: []\ndefaults: {}\n",
		"quoted numbers":          "rules: [{match: {port: \"80\", uid: '0'}, set: {protect: true}}]",
		"names that look odd":     "rules: [{match: {comm: [true, 1e3, \"null\", 'kworker/0:1']}, set: {protect: true}}]",
		"zero needs no unit":      "defaults: {startup-grace: 0}",
		"equal times":             "defaults: {stuck-after: 30s}",
		"narrow rule first":       twoRules("port: 80, comm: a", "port: 80"),
		"rule for all at last":    "rules: [{match: {port: 80}, set: {protect: true}}, {set: {action: kill}}]",
		"rules of other kinds":    twoRules("port: 80", "comm: a"),
		"a wider network later":   twoRules("addr: 10.0.0.0/16", "addr: 10.0.0.0/8"),
		"a pattern later":         twoRules("exe: [/bin/a, '/bin/?']", "exe: /bin/*"),
		"as large as may be":      "version: 1\n#" + strings.Repeat("x", maxSize-12),
		"as many rules as may be": "rules:\n" + ruleLines(maxRules),
	} {
		if _, err := Parse("p", []byte(text), testBase()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// twoRules protects what the first matches, and kills what the later does.
func twoRules(first, later string) string {
	return "rules: [{match: {" + first + "}, set: {protect: true}}, {match: {" + later + "}, set: {action: kill}}]"
}

func ruleLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- {match: {uid: %d}, set: {protect: true}}\n", i)
	}
	return b.String()
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.yaml"), testBase())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("no file: %v", err)
	}
	if _, err = Load(dir, testBase()); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v", err)
	}
	var invalid *Invalid
	if _, err = Load(write(t, "version: 1\n#"+strings.Repeat("x", maxSize-11)), testBase()); !errors.As(err, &invalid) {
		t.Errorf("too large a file: %v", err)
	}
	if _, err = Describe(dir, testBase()); err == nil {
		t.Error("a folder is described")
	}
}
