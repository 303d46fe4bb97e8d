package cli

import (
	"io"

	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// eventFlags say how events are written.
type eventFlags struct{ output string }

func (e *eventFlags) add(f *pflag.FlagSet) {
	f.StringVarP(&e.output, "output", "o", "text", "text, or json: one object a line")
}

func (e *eventFlags) check() error {
	if e.output != "text" && e.output != "json" {
		return usagef("unknown --output %q: it is text or json", e.output)
	}
	return nil
}

func (e *eventFlags) stream(to io.Writer) wire.Stream {
	if e.output == "json" {
		return wire.NewStream(to)
	}
	return report.NewStream(to)
}
