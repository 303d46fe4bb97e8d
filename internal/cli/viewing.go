package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/feed"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/view"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// viewing are the flags of the commands that show.
type viewing struct {
	observing
	from   string
	period time.Duration
	// superseded is how long a newer generation must have listened.
	superseded time.Duration
	typedAfter []*policy.Flag // its flag, where there is one
	flags      *pflag.FlagSet
}

func (v *viewing) add(cmd *cobra.Command) {
	v.observing.add(cmd)
	v.flags = cmd.Flags()
	v.superseded = policy.Builtin().SupersededAfter
	v.typedAfter = append(v.typedAfter, addSetting(v.flags, policy.Called("superseded-after"), &v.superseded))
	v.flags.StringVar(&v.from, "from", "", "kernel: look for itself; unix:PATH: ask the daemon there (default: the daemon if one runs)")
}

func (v *viewing) addPeriod() {
	v.flags.DurationVar(&v.period, "for", 0, "watch this long before telling")
}

func (v *viewing) check() error {
	if v.period < 0 {
		return usagef("--for %s is negative", v.period)
	}
	if err := checkSettings(v.typedAfter); err != nil {
		return err
	}
	switch {
	case v.from == "", v.from == "kernel":
	case strings.HasPrefix(v.from, "unix:") && v.from != "unix:":
		for _, name := range lookers() {
			if v.flags.Changed(name) {
				return usagef("--%s is how to look for itself: it goes with --from kernel", name)
			}
		}
	default:
		return usagef("unknown --from %q: it is kernel or unix:PATH", v.from)
	}
	return v.observing.check()
}

// longEnough makes the period long enough to tell what is stuck. A --for that was
// typed decides: --stuck-after is made to fit into it, unless that was typed too.
func (v *viewing) longEnough() error {
	settled := 2 * v.interval // the first look, and the last one's tick
	least := v.interval + settled
	if v.flags.Changed("stuck-after") {
		least = v.stuckAfter + settled
	}
	switch {
	case !v.flags.Changed("for"):
		v.period = v.stuckAfter + settled
	case v.period >= v.stuckAfter+settled:
	case v.period < least:
		return usagef("--for %s is too short to tell what is stuck: %s is the least, for --stuck-after and two intervals", v.period, least)
	default:
		v.stuckAfter = v.period - settled
	}
	return nil
}

// lookers are the flags that say how to look, which a daemon decides for itself.
func lookers() []string {
	return []string{"btf", "for", "interval", "stuck-after", "superseded-after", "tier"}
}

// open gives the daemon's view if it may be asked and one runs, else its own: of
// one look without history, or going on and counting every listener.
func (v *viewing) open(ctx context.Context, fs proc.FS, s *scope, p judge.Policy, goOn bool) (view.View, error) {
	if path, ok := strings.CutPrefix(v.from, "unix:"); ok {
		d, err := view.Ask(ctx, path, goOn)
		if errors.Is(err, feed.ErrBusy) {
			return nil, busy(err)
		}
		if err != nil {
			return nil, &kernel.CannotObserve{Missing: "the daemon", WayOut: "start it, or use --from kernel", Err: err}
		}
		return d, nil
	}
	own := v.from == "kernel"
	for _, name := range lookers() {
		own = own || v.flags.Changed(name)
	}
	if !own {
		d, err := view.Ask(ctx, daemon.SocketIn(daemon.DefaultStateDir), goOn)
		switch {
		case err == nil:
			return d, nil
		case errors.Is(err, feed.ErrBusy):
			return nil, busy(err)
		}
	}
	return v.look(ctx, fs, s, p, goOn)
}

// busy says what to do where there is a daemon, and too many ask it: a look of one's own
// knows nothing of what was seen before.
func busy(err error) error {
	return &kernel.CannotObserve{Missing: "a free place among the daemon's readers", WayOut: "ask again later, or use --from kernel", Err: err}
}

// builtinWith is the policy of the commands that only show.
func (v *viewing) builtinWith(s *scope) judge.Policy {
	p := builtinPolicy()
	p.Scope = s.Filter
	p.Default.StuckAfter = v.stuckAfter
	p.Default.ActAfter = max(p.Default.ActAfter, v.stuckAfter)
	p.Default.SupersededAfter = v.superseded
	return p
}

// chosen are the listeners of a frame that the filters choose.
func (s *scope) chosen(f *wire.Frame) []listener.Judgement {
	var chosen []listener.Judgement
	for _, j := range f.Listeners {
		if s.Match(j.Listener) {
			chosen = append(chosen, j)
		}
	}
	return chosen
}

// look looks for itself, as this policy judges: once, or on and on, counting every listener.
func (v *viewing) look(ctx context.Context, fs proc.FS, s *scope, p judge.Policy, goOn bool) (view.View, error) {
	count := kernel.Count("")
	if goOn {
		count = kernel.CountAlways
	}
	k, w, err := v.observing.open(fs, s, count, !goOn)
	if err != nil {
		return nil, err
	}
	return view.Look(ctx, k, w, p, goOn)
}
