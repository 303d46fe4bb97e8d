package cli

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// TestGateIsTold: docs/acting.md and `help gate` name every reason, in the gate's order.
func TestGateIsTold(t *testing.T) {
	page, err := os.ReadFile("../../docs/acting.md")
	if err != nil {
		t.Skip("the pages are not beside the test: in a VM")
	}
	stdout, _, code := output(t, "help", "gate")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var want, table, topic []string
	for _, r := range listener.Reasons() {
		want = append(want, string(r.Reason))
		if r.Because == "" {
			t.Errorf("nothing is said of %s", r.Reason)
		}
		if r.Quiet == (r.Mend != "") {
			t.Errorf("%s: the runbook says %q, and an alert fires: %t", r.Reason, r.Mend, !r.Quiet)
		}
	}
	_, rows, _ := strings.Cut(string(page), "<!-- reasons -->")
	rows, _, _ = strings.Cut(rows, "<!-- end of reasons -->")
	entry := regexp.MustCompile("(?m)^\\| (`[a-z-]+`(?:, `[a-z-]+`)*) \\| .* \\| .*\\|$")
	for _, row := range entry.FindAllStringSubmatch(rows, -1) {
		for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(row[1], -1) {
			if slices.Contains(want, m[1]) {
				table = append(table, m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+)  +\S`).FindAllStringSubmatch(stdout, -1) {
		topic = append(topic, m[1])
	}
	if !slices.Equal(table, want) || !slices.Equal(topic, want) {
		t.Errorf("the gate asks\n%q, the page has\n%q, the topic\n%q", want, table, topic)
	}
}

// TestProofIsTold: `help gate` has every class, sign of life and dead end.
func TestProofIsTold(t *testing.T) {
	stdout, _, code := output(t, "help", "gate")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	told := strings.Join(strings.Fields(stdout), " ")
	wants := []string{listener.DeadEndRule}
	for _, c := range listener.Classes() {
		wants = append(wants, string(c.Class)+" "+c.Means)
	}
	for _, s := range listener.Signs() {
		wants = append(wants, string(s.Sign)+" "+s.Means, s.Known)
	}
	for _, d := range listener.DeadEnds() {
		wants = append(wants, string(d.For)+" "+d.Wait, d.If)
	}
	for _, want := range wants {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in %s", want, stdout)
		}
	}
}

// TestEveryCommandHelps: each says what it is, in lines that fit, with flags that are
// explained.
func TestEveryCommandHelps(t *testing.T) {
	root := newRoot(streams{os.Stdout, os.Stderr}, proc.New(""), "devel")
	for _, cmd := range root.Commands() {
		stdout, stderr, code := output(t, "help", cmd.Name())
		if code != 0 || stderr != "" || len(stdout) < 100 {
			t.Errorf("help %s: exit code %d: %q", cmd.Name(), code, stderr)
		}
		for line := range strings.Lines(cmd.Long) {
			if len(line) > 95 {
				t.Errorf("help %s: a line of %d characters: %s", cmd.Name(), len(line), line)
			}
		}
	}
}

// TestCompletionScripts: the shells take them.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, _, code := output(t, "completion", shell)
		if code != 0 || !strings.Contains(script, "reusewatch") {
			t.Errorf("%s: exit code %d", shell, code)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // bash alone is everywhere
		}
		if out, err := exec.Command(path, "-n", write(t, t.TempDir(), "script", script)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

// TestCompletesContainers: what runs in one is offered by its names.
func TestCompletesContainers(t *testing.T) {
	j := named(1, 80, listener.Idle, 0, 0, 5, 6)
	j.Owners[1].Container = &listener.Container{ID: "3f2a", Namespace: "shop", Pod: "web-0", Name: "proxy"}
	for flag, want := range map[string]string{"container": "3f2a\tshop/web-0/proxy", "pod": "web-0", "namespace": "shop"} {
		if got := completions()[flag](&j); !slices.Equal(got, []string{want}) {
			t.Errorf("--%s: %q, want %q of the one that runs in a container", flag, got, want)
		}
	}
}
