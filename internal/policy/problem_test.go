package policy

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/judge"
)

const (
	keysOfFile  = "version, protect, host-budget, defaults, rules"
	keysOfRule  = "name, match, set"
	keysOfMatch = "port, addr, comm, exe, uid, cgroup, container, pod, namespace"
)

// What several mistakes are told as.
const (
	secondDocument = `2:1: a second document begins here: a policy file is one; drop this "---" and join them`
	notText        = " cannot stand in a policy file: save it as plain UTF-8 text"
	noPort         = " is no TCP port: write 1 to 65535, each port on its own"
	noDuration     = " is no duration: write numbers with ms, s, m or h, such as 1m30s"
	notNames       = "protect must be true or false, without quotes; " +
		"names of processes go into the protect list at the top of the file"
)

func notYAML(at, why string) string {
	return at + ": not valid YAML: " + why + "; look here for indentation, colons, quotes and brackets"
}

// shorter is said where it would be acted on before it is called stuck.
func shorter(at, act, stuck string) string {
	return at + ": act-after " + act + " is shorter than stuck-after " + stuck + ": raise the one or lower the other"
}

func keysOfSet() string { return strings.Join(settingKeys(), ", ") }

func problems(t *testing.T, text string, base judge.Policy) []string {
	t.Helper()
	_, err := Parse("p", []byte(text), base)
	var invalid *Invalid
	if !errors.As(err, &invalid) {
		t.Errorf("%q: %v, want an *Invalid", text, err)
		return nil
	}
	return invalid.Lines()
}

// inMatch puts a key into the match of a rule, at column 19.
func inMatch(text string) string { return "rules: [{match: { " + text + " }, set: {protect: true}}]" }

// inSet puts a key into the set of a rule, at column 17.
func inSet(text string) string { return "rules: [{set: { " + text + " }}]" }

// TestProblems: each text has this one mistake, there.
func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		// The file.
		"":                             `1:1: empty: say at least "version: 1", or run without a policy file`,
		"# nothing\n":                  `1:1: empty: say at least "version: 1", or run without a policy file`,
		"---\n":                        `1:1: empty: say at least "version: 1", or run without a policy file`,
		"null":                         `1:1: empty: say at least "version: 1", or run without a policy file`,
		"\ufeff":                       `1:1: empty: say at least "version: 1", or run without a policy file`,
		"nginx":                        "1:1: the file must be keys with values; known: " + keysOfFile,
		"- version: 1":                 "1:1: the file must be keys with values; known: " + keysOfFile,
		"rulez: []":                    `1:1: unknown key "rulez" in the file; known: ` + keysOfFile,
		"\ufeffrulez: []":              `1:1: unknown key "rulez" in the file; known: ` + keysOfFile,
		"? [a]\n: 1":                   `1:3: unknown key "" in the file; known: ` + keysOfFile,
		"version: 2":                   `1:10: unknown version "2": this reusewatch reads version 1`,
		"version: [1]":                 "1:10: version must be a single value",
		"version: 1\nversion: 1":       `2:1: key "version" stands twice in the file, first in line 1: drop one`,
		"version: 1\nrules:\n":         `2:1: key "rules" has no value: give it one or leave it out`,
		"version: 1\n---\nversion: 1":  secondDocument,
		"version: 1\n---\n":            secondDocument,
		"version: !!int 1":             "1:10: tag !!int is not read: leave it out",
		"protect: &a [x]":              "1:10: " + noAliases,
		"protect: *a":                  "1:10: " + noAliases,
		"version: 1\n<<: {protect: x}": "2:1: " + noAliases,
		"version: 1\n#" + strings.Repeat("x", maxSize): "1:1: larger than 1 MiB: this is no policy file",

		// What is no YAML.
		"\ufeffa\xff":                       "1:2: byte 0xff" + notText,
		"a\xff":                             "1:2: byte 0xff" + notText,
		"version: 1\n\x00":                  "2:1: character U+0000" + notText,
		"\xff\xfev\x00":                     "1:1: byte 0xff" + notText,
		"defaults:\n\taction: kill":         "2:1: a tab indents this line: YAML wants spaces",
		"defaults:\n  \taction: kill\n a":   "2:3: a tab indents this line: YAML wants spaces",
		"version: 1\n\t\n":                  "2:1: a tab indents this line: YAML wants spaces",
		"version: 1: 2":                     notYAML("1:1", "mapping values are not allowed in this context"),
		"version: 1\n  protect: x":          notYAML("2:3", "mapping values are not allowed in this context"),
		"rules:\n  - set: {}\n set: {}":     notYAML("3:2", "did not find expected key"),
		"rules:\n- match: {port: 80\n  set": notYAML("2:1", "did not find expected ',' or '}'"),
		"protect: \"x":                      notYAML("1:1", "found unexpected end of stream"),
		"version: 1\n---\n}":                notYAML("3:1", "did not find expected node content"),

		// Lists of the file.
		"protect: [a, [b]]": "1:14: protect must be a single value",
		"protect: {a: b}":   "1:10: protect must be a single value",
		"protect: [a, ~]":   `1:14: protect: a value is missing: write it, or in quotes if it is "~"`,
		"protect: /usr/sbin/nginx": `1:10: protect: "/usr/sbin/nginx" is a path: ` +
			"write the process's name alone, or use exe in a match",
		"host-budget: often":           `1:14: host-budget: "often" is no budget: write acts/time, such as 1/10m`,
		"defaults: kill":               "1:11: defaults must be keys with values; known: " + keysOfSet(),
		"defaults: {protect: [nginx]}": "1:21: " + notNames,

		// Rules.
		"rules: {set: {action: kill}}": `1:8: rules must be a list: begin each rule with "- "`,
		"rules: [x]":                   "1:9: a rule must be keys with values; known: " + keysOfRule,
		"rules: [~]":                   "1:9: a rule must be keys with values; known: " + keysOfRule,
		"rules: [{match: {port: 80}}]": "1:9: a rule without set does nothing: set at least one of " + keysOfSet(),
		"rules: [{name: x}]":           "1:9: a rule without set does nothing: set at least one of " + keysOfSet(),
		"rules:\n- set:\n":             `2:3: key "set" has no value: give it one or leave it out`,
		"rules: [{set: {}}]":           "1:15: set is empty: set at least one of " + keysOfSet(),
		"rules: [{set: kill}]":         "1:15: set must be keys with values; known: " + keysOfSet(),
		"rules:\n" + ruleLines(1001):   "1002:3: more than 1000 rules: every look goes through all of them, so join some",

		"rules: [{name: ' x', set: {protect: true}}]": `1:16: name: " x" is empty or has blanks around it`,
		"rules: [{name: [x], set: {protect: true}}]":  "1:16: name must be a single value",
		"rules:\n- {name: x, match: {port: 1}, set: {protect: true}}\n" +
			"- {name: x, set: {protect: true}}": `3:10: name "x" is that of the rule in line 2 too: give each its own`,
		"rules:\n- set: {protect: true}\n  match:\n": `3:3: key "match" has no value: give it one or leave it out`,
		"rules: [{set: {protect: true}, match: {}}]": "1:39: match is empty: " +
			"give it a key, or leave match out to match every listener",
		"rules: [{set: {protect: true}, match: [port]}]": "1:39: match must be keys with values; known: " + keysOfMatch,

		// Matches.
		inMatch("prot: 80"):           `1:19: unknown key "prot" in match; known: ` + keysOfMatch,
		inMatch("port: 80, port: 81"): `1:29: key "port" stands twice in match, first in line 1: drop one`,
		inMatch("port: []"):           "1:25: port is empty: give it a value, or leave it out to match any",
		inMatch("port: 0"):            `1:25: port: "0"` + noPort,
		inMatch("port: [80, 65536]"):  `1:30: port: "65536"` + noPort,
		inMatch("port: 8000-8010"):    `1:25: port: "8000-8010"` + noPort,
		inMatch("port: 0x50"):         `1:25: port: "0x50"` + noPort,
		inMatch("port: 010"):          `1:25: port: "010"` + noPort,
		inMatch("port: -1"):           `1:25: port: "-1"` + noPort,
		inMatch("addr: 10.0.0.0/33"):  `1:25: addr: "10.0.0.0/33" is neither an address nor a CIDR, such as 10.0.0.0/8`,
		inMatch("addr: localhost"):    `1:25: addr: "localhost" is neither an address nor a CIDR, such as 10.0.0.0/8`,
		inMatch("addr: 10.1.2.3/8"): `1:25: addr: "10.1.2.3/8" has bits beyond its mask: ` +
			"write 10.0.0.0/8, or 10.1.2.3 for that address alone",
		inMatch("addr: '::ffff:1.2.3.4'"): `1:25: addr: "::ffff:1.2.3.4" never matches: ` +
			"leave ::ffff: out and write it as IPv4",
		inMatch("addr: 'fe80::1%eth0'"): `1:25: addr: "fe80::1%eth0" has a zone, which is not compared: write fe80::1`,
		inMatch("comm: a-name-that-is-long"): `1:25: comm: "a-name-that-is-long" ` +
			`is longer than the 15 bytes that the kernel keeps: write "a-name-that-is-"`,
		inMatch("comm: ''"):         `1:25: comm: "" is empty or has blanks around it`,
		inMatch(`comm: "a\u202eb"`): `1:25: comm: "a\u202eb" holds characters that cannot be printed`,
		inMatch("exe: haproxy"):     `1:24: exe: "haproxy" never matches: write the whole path, from /`,
		inMatch("exe: ''"):          `1:24: exe: "" is empty or has blanks around it`,
		inMatch("exe: '/bin/[a'"):   `1:24: exe: "/bin/[a" is no shell pattern: close its [ or escape it as \[`,
		inMatch("exe: /opt/**/x"): `1:24: exe: "/opt/**/x" holds **, which is not read, and * stops at a /: ` +
			"write one * for each directory",
		inMatch("exe: '/bin/a (deleted)'"): `1:24: exe: "/bin/a (deleted)" never matches: ` +
			"leave (deleted) out, a replaced executable matches all the same",
		inMatch("uid: haproxy"):     `1:24: uid: "haproxy" is no user id: write the number, as id -u prints it`,
		inMatch("uid: 4294967295"):  `1:24: uid: "4294967295" is no user id: write the number, as id -u prints it`,
		inMatch("cgroup: kubepods"): `1:27: cgroup: "kubepods" never matches: a cgroup path begins with /`,
		inMatch("cgroup: /kubepods*"): `1:27: cgroup: "/kubepods*" is no pattern but how the path begins: ` +
			"leave the * and what follows out",
		inMatch("cgroup: '/x '"): `1:27: cgroup: "/x " is empty or has blanks around it`,
		inMatch("pod: shop/web-1"): `1:24: pod: "shop/web-1" is no name of a pod: ` +
			"write the namespace on its own, and the name as kubectl prints it",
		inMatch("pod: 'web-['"): `1:24: pod: "web-[" is no shell pattern: close its [ or escape it as \[`,
		inMatch("namespace: sho*"): `1:30: namespace: "sho*" is no name of a namespace: ` +
			"write it whole, as kubectl prints it",
		inMatch("container: docker://3f"): `1:30: container: "docker://3f" is no container id: ` +
			"write how the id begins, without docker:// and the like, and without *",
		inMatch("container: ''"): `1:30: container: "" is empty or has blanks around it`,

		// Settings.
		inSet("acton: kill"):           `1:17: unknown key "acton" in set; known: ` + keysOfSet(),
		inSet("action: shut"):          `1:25: action: unknown action "shut": it is observe, close or kill`,
		inSet("action: Kill"):          `1:25: action: unknown action "Kill": it is observe, close or kill`,
		inSet("superseded: observe"):   `1:29: superseded: "observe" is none of report, close and kill`,
		inSet("superseded-after: 60"):  `1:35: superseded-after: "60" has no unit: write 60s or 60m`,
		inSet("act-after: 30"):         `1:28: act-after: "30" has no unit: write 30s or 30m`,
		inSet("act-after: 1d"):         `1:28: act-after: "1d"` + noDuration,
		inSet("act-after: ''"):         `1:28: act-after: ""` + noDuration,
		inSet("act-after: -30s"):       `1:28: act-after: "-30s" is negative: time does not run backwards`,
		inSet("act-after: [30s]"):      "1:28: act-after must be a single value",
		inSet("stuck-after: 0s"):       `1:30: stuck-after: "0s" would call every queue stuck: write more than 0s`,
		inSet("stuck-after: x"):        `1:30: stuck-after: "x"` + noDuration,
		inSet("act-after-served: -1s"): `1:35: act-after-served: "-1s" is negative: time does not run backwards`,
		inSet("startup-grace: -1s"):    `1:32: startup-grace: "-1s" is negative: time does not run backwards`,
		inSet("allow-sole: yes"):       "1:29: allow-sole must be true or false, without quotes",
		inSet("allow-served: 'true'"):  "1:31: allow-served must be true or false, without quotes",
		inSet("allow-stopped: 1"):      "1:32: allow-stopped must be true or false, without quotes",
		inSet("protect: nginx"):        "1:26: " + notNames,
		inSet("max-acts: 1"):           `1:27: max-acts: "1" is no budget: write acts/time, such as 1/10m`,
		inSet("max-acts: 1/10"): `1:27: max-acts: "1/10" is no budget, write acts/time, such as 1/10m: ` +
			`"10" has no unit: write 10s or 10m`,
		inSet("max-acts: 0/10m"): `1:27: max-acts: "0/10m" allows nothing: ` +
			"write at least 1 act, or action observe to never act",
		inSet("max-acts: 1/0s"):  `1:27: max-acts: "1/0s" bounds nothing: write a time of more than 0s`,
		inSet("max-acts: 1/25h"): `1:27: max-acts: "1/25h" is too long: acts are remembered for 24h`,
		inSet("action: " + strings.Repeat("é", 61)): `1:25: action: unknown action "` +
			strings.Repeat("é", 60) + `…": it is observe, close or kill`,

		// Settings taken together.
		"defaults: {act-after: 5s}":                              shorter("1:23", "5s (here)", "10s (built in)"),
		"defaults: {stuck-after: 1m}":                            shorter("1:25", "30s (built in)", "1m (here)"),
		inSet("act-after: 20s, stuck-after: 25s"):                shorter("1:28", "20s (here)", "25s (here)"),
		"defaults: {act-after: 1m}\n" + inSet("stuck-after: 2m"): shorter("2:30", "1m (from defaults)", "2m (here)"),
		"defaults: {act-after: 1m, stuck-after: 50s}\n" +
			inSet("act-after: 40s"): shorter("2:28", "40s (here)", "50s (from defaults)"),
		"defaults: {act-after: 5s}\n" + inSet("action: kill"):    shorter("1:23", "5s (here)", "10s (built in)"),
		inSet("act-after: 5, stuck-after: 40s"):                  `1:28: act-after: "5" has no unit: write 5s or 5m`,
		"defaults: {act-after: 5}\n" + inSet("stuck-after: 40s"): `1:23: act-after: "5" has no unit: write 5s or 5m`,
	} {
		if got := problems(t, text, testBase()); len(got) != 1 || got[0] != "p:"+want {
			t.Errorf("%.60q: %q\nwant %q", text, got, "p:"+want)
		}
	}
}

// TestTyped: what was typed is taken together with the file.
func TestTyped(t *testing.T) {
	base := testBase()
	base.Given.StuckAfter = new(20 * time.Second)
	want := "p:" + shorter("1:28", "15s (here)", "20s (typed as a flag)")
	if got := problems(t, inSet("act-after: 15s"), base); len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
	base.Given.ActAfter = new(25 * time.Second)
	if _, err := Parse("p", []byte(inSet("act-after: 15s")), base); err != nil {
		t.Errorf("typed over: %v", err)
	}
	base.Given.ActAfter = new(5 * time.Second)
	want = "p:" + shorter("1:1", "5s (typed as a flag)", "20s (typed as a flag)")
	if got := problems(t, "version: 1", base); len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
}

// TestAllAtOnce: sorted by line and column, one a line.
func TestAllAtOnce(t *testing.T) {
	text := `rules:
- name: edge
  match: {port: [80, 0, x], prot: 1, comm: &c haproxy}
  set: {action: bill, act-after: 1s, stuck-after: 2s}
- match: {comm: *c}
  sett: {action: kill}
defaults: {act-after: -1s}
version: 3
rulez: 1
---
{}
`
	_, err := Parse("a\nb", []byte(text), testBase())
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	want := []string{
		`3:22: port: "0" is`, `3:25: port: "x" is`, `3:29: unknown key "prot"`, "3:44: anchors",
		`4:17: action: unknown action "bill"`,
		"5:3: a rule without set", "5:17: anchors", `6:3: unknown key "sett"`,
		"7:23: act-after: ", "8:10: unknown version", `9:1: unknown key "rulez"`, "10:1: a second document",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d: %q", len(lines), len(want), lines)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], `a\x0ab:`+want[i]) {
			t.Errorf("%q, want %q", lines[i], want[i])
		}
	}
}

// TestAliases: of each only that it is one is told, wherever it stands.
func TestAliases(t *testing.T) {
	const text = "protect: &a x\nhost-budget: *a\ndefaults: {protect: *a}\nversion: *a\nrules: *a\n"
	if got := problems(t, text, testBase()); len(got) != 5 {
		t.Errorf("%q", got)
	}
	const deeper = "defaults: *a\nprotect: [*a, b]\n*a : c\nrules: [*a, {match: *a, set: *a}]\nversion: &a 1\n"
	if got := problems(t, strings.Replace(deeper, "version: &a 1\n", "", 1), testBase()); len(got) != 1 {
		t.Errorf("%q", got)
	}
	const known = "version: &a 1\ndefaults: *a\nprotect: [*a, b]\n*a : c\nrules: [*a, {match: *a, set: *a}]\n"
	if got := problems(t, known, testBase()); len(got) != 7 {
		t.Errorf("%q", got)
	}
}

// TestPageNamesKeys: docs/policy.md has the keys that are read, and no others.
func TestPageNamesKeys(t *testing.T) {
	b, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Skip("the pages are not beside the test: in a VM")
	}
	page := string(b)
	for _, tt := range []struct{ from, to, want string }{
		{"\n## The keys\n", "\n### match\n", keysOfFile},
		{"\n### match\n", "\n### Settings\n", keysOfMatch},
	} {
		_, part, _ := strings.Cut(page, tt.from)
		part, _, _ = strings.Cut(part, tt.to)
		var keys []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(part, -1) {
			keys = append(keys, row[1])
		}
		if got := strings.Join(keys, ", "); got != tt.want {
			t.Errorf("%s has %s, and read are %s", strings.TrimSpace(tt.from), got, tt.want)
		}
	}
	if want := `unknown key "prot" in match; known: ` + keysOfMatch + "\n"; !strings.Contains(page, want) {
		t.Errorf("the example of a mistake is not %q", want)
	}
}
