package cli

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/text"
)

// copied is what a file says that a table says.
type copied struct {
	file  string
	where *regexp.Regexp // its first and last group stay, the text is between them
	text  string
	times int
}

// inDocs is a text between two comments of a page.
func inDocs(file, name, text string) copied {
	return copied{
		file: file, text: "\n" + text, times: 1,
		where: regexp.MustCompile(fmt.Sprintf(`(?s)(<!-- %s -->).*?(<!-- end of %[1]s -->)`, name)),
	}
}

// inAlerts is what an alert or a panel leaves out of the series that have a label.
func inAlerts(file, label, text string, times int) copied {
	return copied{file: file, text: text, times: times, where: regexp.MustCompile(`(\b` + label + `!~\\?")[^"\\]*(\\?")`)}
}

func allCopied() []copied {
	const rules, dashboard = "deploy/prometheus/reusewatch.rules.yml", "deploy/grafana/reusewatch.json"
	quiet := listener.ReasonsThat(func(r listener.ReasonRow) bool { return r.Quiet })
	return []copied{
		inDocs("docs/acting.md", "reasons", reasonsTable()),
		inDocs("docs/commands.md", "exit codes", exitCodesTable()),
		inDocs("docs/acting.md", "classes", classesTable()),
		inDocs("docs/acting.md", "signs", signsTable()),
		inDocs("docs/acting.md", "dead ends", deadEndsTable()),
		inDocs("docs/acting.md", "soft reasons", quoted(softReasons())+"\n"),
		inDocs("docs/generations.md", "reasons not asked", quoted(stuckOnly())+"\n"),
		inDocs("docs/runbooks/ReusewatchListenerStuck.md", "causes", causesTable()),
		inDocs("docs/runbooks/ReusewatchHeld.md", "reasons", reasonsMended()),
		inDocs("docs/runbooks/ReusewatchHeld.md", "soft reasons", quoted(softReasons())+"\n"),
		inDocs("docs/policy.md", "settings", settingsTable()),
		inAlerts(rules, "cause", text.Join(listener.CausesOfLoad(), "|"), 1),
		inAlerts(dashboard, "cause", text.Join(listener.CausesOfLoad(), "|"), 1),
		inAlerts(rules, "reason", text.Join(quiet, "|"), 1),
	}
}

// TestTables: what pages and alerts say of reasons, causes and settings is what the tables
// say. UPDATE=1 writes it anew.
func TestTables(t *testing.T) {
	for _, c := range allCopied() {
		path := "../../" + c.file
		b, err := os.ReadFile(path)
		if err != nil {
			t.Skip("the pages are not beside the test: in a VM")
		}
		if n := len(c.where.FindAllIndex(b, -1)); n != c.times {
			t.Errorf("%s: %d places for %s, want %d", c.file, n, c.where, c.times)
		}
		want := c.where.ReplaceAllString(string(b), "${1}"+strings.ReplaceAll(c.text, "$", "$$")+"${2}")
		if want == string(b) {
			continue
		}
		if os.Getenv("UPDATE") == "" {
			t.Errorf("%s does not say what the tables say: UPDATE=1 go test -run %s ./internal/cli writes it", c.file, t.Name())
		} else if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func reasonsTable() string {
	var b strings.Builder
	b.WriteString("| reason | it holds because | lifted by |\n|---|---|---|\n")
	for _, r := range listener.Reasons() {
		lifted := code(r.LiftedBy)
		if r.Soft {
			lifted = strings.TrimPrefix(lifted+", `--force`", ", ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s|\n", r.Reason, code(r.Because), spaced(lifted))
	}
	return b.String()
}

// reasonsMended says of each reason that an alert fires for what to do.
func reasonsMended() string {
	var b strings.Builder
	for _, r := range listener.Reasons() {
		if !r.Quiet {
			fmt.Fprintf(&b, "* `%s`: %s\n", r.Reason, r.Mend)
		}
	}
	return b.String()
}

func exitCodesTable() string {
	var b strings.Builder
	b.WriteString("| exit code | it says |\n|---|---|\n")
	for _, e := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", e.Code, code(e.Says))
	}
	return b.String()
}

// causesTable has those that an alert fires for.
func causesTable() string {
	var b strings.Builder
	b.WriteString("| cause | it means |\n|---|---|\n")
	for _, c := range listener.Causes() {
		if !c.Load {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c.Cause, c.Means)
		}
	}
	return b.String()
}

func classesTable() string {
	var b strings.Builder
	b.WriteString("| class | proven is | acted on |\n|---|---|---|\n")
	for _, c := range listener.Classes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Class, c.Means, code(c.Acts))
	}
	return b.String()
}

func signsTable() string {
	var b strings.Builder
	b.WriteString("| sign | it means | how it is known | the gate holds by |\n|---|---|---|---|\n")
	for _, s := range listener.Signs() {
		inert := ""
		if s.Inert {
			inert = "; no, if it is inert"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s%s | %s |\n", s.Sign, s.Means, s.Known, inert, quoted(s.Holds))
	}
	return b.String()
}

// deadEndsTable ends with what must hold beside the waits.
func deadEndsTable() string {
	var b strings.Builder
	b.WriteString("| wait | a dead end if |\n|---|---|\n")
	for _, d := range listener.DeadEnds() {
		fmt.Fprintf(&b, "| %s | %s |\n", d.Wait, d.If)
	}
	fmt.Fprintf(&b, "\nA process is at one if %s.\n", listener.DeadEndRule)
	return b.String()
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| key | value | built in | |\n|---|---|---|---|\n")
	builtin := policy.Builtin()
	for _, s := range policy.Table() {
		f := policy.Flag{Setting: s, At: builtin.Field(s.Key)}
		choices, values, says := s.Choices, s.Values, s.Help
		if f.Type() == "bool" {
			choices = []string{"true", "false"}
		}
		if len(choices) > 0 {
			values = quoted(choices)
		}
		if s.Note != "" {
			says += "; " + s.Note
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", s.Key, values, cmp.Or(f.String(), "none"), code(says))
	}
	return b.String()
}

// code marks the flags in a text.
func code(s string) string {
	flags := regexp.MustCompile("`[^`]*`|--[a-z-]+( (kill|close))?|\"[a-z]+\"")
	return flags.ReplaceAllStringFunc(s, func(flag string) string {
		return "`" + strings.Trim(flag, "`\"") + "`"
	})
}

// spaced leaves no blanks in an empty cell.
func spaced(cell string) string {
	if cell == "" {
		return ""
	}
	return cell + " "
}

func quoted[S ~string](words []S) string { return "`" + text.Join(words, "`, `") + "`" }
