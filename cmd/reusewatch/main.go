// Command reusewatch finds the listener that gets connections and never accepts
// them, and, when armed, removes exactly that one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// The exit codes of the command line's contract.
const (
	exitStuck         = 1
	exitUsage         = 2
	exitCannotObserve = 3
	exitActFailed     = 4
	exitRefused       = 5
	exitInternal      = 70
)

// usageError is a mistake of whoever called us.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// exitStatus ends the command with this code; all that there is to say has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	if len(os.Args) == 2 && os.Args[1] == proc.Verb {
		if err := proc.New("").Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(exitInternal)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "run" {
		// A unit may be told to reload as soon as it was started: it must not end of that. Nor of
		// a reader that is gone, which would look like a clean end.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot(streams{os.Stdout, os.Stderr}, proc.New("")).ExecuteContext(ctx)
	stop()
	os.Exit(exitCode(err))
}

// exitCode tells the error once, on stderr, and what to exit with. A reader that
// went away (`list | head`) is no error.
func exitCode(err error) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0
	}
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	fmt.Fprintf(os.Stderr, "reusewatch: %s\n", proc.Printable(err.Error()))
	var usage usageError
	var blind *kernel.CannotObserve
	var failed actFailed
	var no refused
	switch {
	case errors.As(err, &failed):
		return exitActFailed
	case errors.As(err, &no):
		return exitRefused
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &blind):
		return exitCannotObserve
	default:
		return exitInternal
	}
}
