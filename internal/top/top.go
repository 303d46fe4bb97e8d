// Package top is the live view: groups and their members, the stuck ones on top,
// with a detail view of what explain tells, and acts by hand behind a
// confirmation. Update and View are pure: all that reads, waits or acts is a
// command (effects.go).
package top

import (
	"context"
	"errors"
	"io"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// ErrLost says that a Source has lost what its frames come from, and will try to
// find it again.
var ErrLost = errors.New("lost")

// Source gives what is shown.
type Source interface {
	// Next waits for the next frame, complete, about an interval after the last.
	// An error ends top, but one that wraps ErrLost is shown while Next is asked
	// again, a second later.
	Next(ctx context.Context) (*wire.Frame, error)
	// Explain tells all about one listener.
	Explain(ctx context.Context, c listener.Cookie) (*wire.Explanation, error)
}

// Act closes a listener or kills its process by hand, through the gate. It writes
// to out, in lines, what it does, and returns when that has ended.
type Act func(ctx context.Context, action listener.Action, c listener.Cookie, out io.Writer) error

// Options of Run.
type Options struct {
	Source  Source
	Act     Act // nil: acts are not allowed
	In      io.Reader
	Out     io.Writer // the terminal
	Env     []string  // TERM, COLORTERM, NO_COLOR, LC_ALL, LC_CTYPE and LANG choose colours and characters
	Initial View
	From    string // where frames come from, for the header: "daemon", "kernel"
}

// View is what of the listeners is shown, and how.
type View struct {
	Sort   Sort   // "": the worst first
	Filter string // words that all must occur in address, namespace, command, pid, user, container or verdict
	Flat   bool   // every listener for itself, not by groups
}
