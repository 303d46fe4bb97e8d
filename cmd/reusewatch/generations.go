package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
)

// supersededAfter is how long a newer generation must have listened unless it is
// said otherwise.
const supersededAfter = time.Minute

func addSupersededAfter(f *pflag.FlagSet, to *time.Duration) {
	f.DurationVar(to, "superseded-after", supersededAfter, "how long a newer generation of its program must listen beside an older one for that to be superseded")
}

func checkSuperseded(after time.Duration, act string) error {
	if after < 0 {
		return usagef("--superseded-after cannot be negative")
	}
	if _, err := policy.ParseSuperseded(act); err != nil {
		return usagef("--superseded: %w", err)
	}
	return nil
}

// actsOnSuperseded: what only reports needs no filter.
func actsOnSuperseded(act string) bool { return act != string(listener.Report) }
