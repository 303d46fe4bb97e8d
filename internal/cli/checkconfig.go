package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/policy"
)

func newCheckConfig(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "check-config FILE",
		Short: "Say what a policy file means, or all that is wrong with it",
		Long: `check-config reads a policy file as run --config would, and says of each rule
which listeners it is about, what would be done to a stuck one, and when. It
needs no privilege and touches nothing. All that is wrong is told at once, with
its line and column; the exit code is then 2.`,
		Example: "  reusewatch check-config /etc/reusewatch/policy.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := policy.Describe(args[0], builtinPolicy())
			if err != nil {
				return badConfig(std, args[0], err)
			}
			_, err = io.WriteString(std.out, text)
			return err
		},
	}
}

// builtinPolicy is what holds where neither a file nor a flag says otherwise.
func builtinPolicy() judge.Policy {
	return judge.Policy{
		Default:    policy.Builtin(),
		Protect:    protectedAlways(),
		HostBudget: judge.Budget{Acts: 5, Per: time.Hour},
	}
}

// badConfig tells each mistake of a policy file on a line of its own, and gives
// the error that closes them.
func badConfig(std streams, path string, err error) error {
	var invalid *policy.Invalid
	if !errors.As(err, &invalid) {
		return usageError{err}
	}
	lines := invalid.Lines()
	for _, line := range lines {
		fmt.Fprintln(std.err, line)
	}
	if len(lines) == 1 {
		return usagef("%s: 1 error", path)
	}
	return usagef("%s: %d errors", path, len(lines))
}
