// Package cli is the command line: flags in, one call, words out.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/text"
)

// The exit codes of the command line's contract.
const (
	ExitStuck         = 1
	ExitUsage         = 2
	ExitCannotObserve = 3
	ExitActFailed     = 4
	ExitRefused       = 5
	ExitInternal      = daemon.ExitInternal
)

// codeRow is all that is said of one exit code, wherever it is said.
type codeRow struct {
	Code int
	Says string
}

// exitCodes is the table of all exit codes.
func exitCodes() []codeRow {
	return []codeRow{
		{0, "nothing is stuck; `run` was ended by a signal"},
		{ExitStuck, "`check`, `list --stuck`: something is stuck; `check`: the filters match nothing, or with --expect-generations a group " +
			"has another number of generations, or with --newer-than an older one"},
		{ExitUsage, "wrong usage, a policy with mistakes, an unknown network namespace, a listener that is not there"},
		{ExitCannotObserve, "cannot observe: the message names what is missing and the way out"},
		{ExitActFailed, "`kill`, `close`: the act failed"},
		{ExitRefused, "`kill`, `close`: the gate refused, and says why"},
		{ExitInternal, "internal error; `demo`: it was interrupted, or did not come true"},
	}
}

// usageError is a mistake of whoever called us.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// exitStatus ends the command with this code; all that there is to say has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main is the whole command with these arguments: it gives the exit code, once all is told.
func Main(args []string, version string) int {
	if len(args) == 1 && args[0] == proc.Verb {
		if err := proc.New("").Serve(os.Stdin, os.Stdout); err != nil {
			return ExitInternal
		}
		return 0
	}
	if len(args) > 0 && args[0] == "run" {
		// A unit may be told to reload as soon as it was started: it must not end of that. Nor of
		// a reader that is gone, which would look like a clean end.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, version, os.Stdout, os.Stderr)
}

// Command is the tree of all commands, for whoever describes it.
func Command() *cobra.Command { return newRoot(streams{os.Stdout, os.Stderr}, proc.New(""), "") }

func run(ctx context.Context, args []string, version string, out, messages io.Writer) int {
	root := newRoot(streams{out, messages}, proc.New(""), version)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), messages)
}

// exitCode tells the error once, and what to exit with. A reader that
// went away (`list | head`) is no error.
func exitCode(err error, messages io.Writer) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0
	}
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintf(messages, "reusewatch: %s\n", text.Printable(err.Error()))
	var usage usageError
	var blind *kernel.CannotObserve
	var failed daemon.ActFailed
	var no daemon.Refused
	var unusable daemon.Unusable
	switch {
	case errors.As(err, &failed):
		return ExitActFailed
	case errors.As(err, &no):
		return ExitRefused
	case errors.As(err, &usage), errors.As(err, &unusable):
		return ExitUsage
	case errors.As(err, &blind):
		return ExitCannotObserve
	default:
		return ExitInternal
	}
}
