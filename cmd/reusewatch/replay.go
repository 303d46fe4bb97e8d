package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/record"
	"github.com/reusewatch/reusewatch/internal/report"
)

type replayCommand struct {
	policyFlags
	std        streams
	output     string
	stuckAfter time.Duration
}

func newReplay(std streams) *cobra.Command {
	c := &replayCommand{std: std}
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Judge a recording again, with another policy",
		Long: `replay reads what "run --record" wrote and says what another policy would have
flagged, held and acted on, and when. Nothing is looked at or touched. The same
file and policy give the same bytes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	cmd.Flags().DurationVar(&c.stuckAfter, "stuck-after", 10*time.Second, "how long the same client must stand at the head of the queue")
	cmd.Flags().StringVarP(&c.output, "output", "o", "text", "text, or json: one object a line")
	c.add(cmd)
	return cmd
}

func (c *replayCommand) run(path string) error {
	if err := c.check(c.stuckAfter); err != nil {
		return err
	}
	if c.output != "text" && c.output != "json" {
		return usagef("unknown --output %q: it is text or json", c.output)
	}
	p, err := c.policy(listener.Filter{}, c.stuckAfter, nil)
	if err != nil {
		return badConfig(c.std, c.config, err)
	}
	r := &replay{policy: p, changes: report.NewChanges(p.Scope), ended: make(map[processID]bool)}
	r.stream = report.NewTextStream(c.std.out)
	if c.output == "json" {
		r.stream = report.NewJSONStream(c.std.out)
	}
	// The older half of a rotated recording comes first.
	for _, part := range []string{path + ".1", path} {
		err := r.file(part)
		if errors.Is(err, fs.ErrNotExist) && part != path {
			continue
		}
		if err != nil {
			return err
		}
	}
	if c.output == "text" {
		_, err = fmt.Fprintf(c.std.out, "looks: %d, listeners flagged: %d, processes acted on: %d\n", r.looks, r.flagged, len(r.ended))
	}
	return err
}

// replay is a daemon that only thinks.
type replay struct {
	policy  judge.Policy
	past    judge.Past
	changes *report.Changes
	stream  report.Stream
	// ended are the processes that this policy would have ended: from then on
	// they are gone, whatever the recording says.
	ended   map[processID]bool
	looks   int
	flagged int
}

func (r *replay) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return usageError{fmt.Errorf("open the recording: %w", err)}
	}
	defer f.Close()
	if err := record.Read(f, r.look); err != nil {
		return usageError{fmt.Errorf("read recording %s: %w", path, err)}
	}
	return nil
}

func (r *replay) look(h record.Header, s *listener.Snapshot) error {
	r.looks++
	r.policy.Self = h.Self
	s.Listeners = slices.DeleteFunc(s.Listeners, func(l *listener.Listener) bool {
		return len(l.Owners) > 0 && !slices.ContainsFunc(l.Owners, func(o listener.Owner) bool {
			return !r.ended[processID{o.PID, o.Start}]
		})
	})
	js := judge.Judge(s, &r.policy, &r.past)
	events := r.changes.Update(s.Time, js)
	for i := range js {
		j := &js[i]
		o, known := j.CulpritOwner()
		if !known || j.Decision == nil || j.Decision.Act != listener.Kill || r.ended[processID{o.PID, o.Start}] {
			continue
		}
		r.ended[processID{o.PID, o.Start}] = true
		r.past.Acts = append(r.past.Acts, judge.PastAct{At: s.Time, Group: judge.GroupOf(j.Listener), Netns: j.NetCookie})
		act := report.Act{Action: listener.Kill, PID: o.PID}
		for _, l := range s.Listeners {
			if slices.ContainsFunc(l.Owners, func(other listener.Owner) bool { return other.PID == o.PID }) {
				act.Listeners = append(act.Listeners, l.Cookie)
			}
		}
		events = append(events, report.Event{Time: s.Time, Kind: report.Acting, Listener: j, Act: &act})
	}
	for _, e := range events {
		if e.Kind == report.Stuck {
			r.flagged++
		}
		if err := r.stream.Write(e); err != nil {
			return err
		}
	}
	return nil
}
