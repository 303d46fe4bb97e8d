package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/proc"
)

// TestCommands: the commands, their flags and defaults, and what the exit codes say are a
// contract. UPDATE=1 writes it anew.
func TestCommands(t *testing.T) {
	const golden = "testdata/commands.txt"
	root := newRoot(streams{}, proc.New(""), "devel")
	var b strings.Builder
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		if cmd.Hidden || cmd.IsAdditionalHelpTopicCommand() {
			continue
		}
		fmt.Fprintf(&b, "%s\n", cmd.UseLine())
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			fmt.Fprintf(&b, "  -%s --%s %s (%s)\n", f.Shorthand, f.Name, f.Value.Type(), f.DefValue)
		})
	}
	codes := []any{ExitStuck, ExitUsage, ExitCannotObserve, ExitActFailed, ExitRefused, ExitInternal}
	fmt.Fprintln(&b, append([]any{"exit codes 0"}, codes...)...)
	got := b.String()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Skip("testdata is not beside the test: in a VM")
	}
	if got != string(want) {
		t.Errorf("the command line is\n%s\nit was\n%s", got, want)
	}
}
