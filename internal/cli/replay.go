package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/record"
	"github.com/reusewatch/reusewatch/internal/report"
	"github.com/reusewatch/reusewatch/internal/wire"
)

type replayCommand struct {
	policyFlags
	std        streams
	events     eventFlags
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
	c.add(cmd)
	c.stuckAfter = c.settings.StuckAfter
	c.typed = append(c.typed, addSetting(cmd.Flags(), policy.Called("stuck-after"), &c.stuckAfter))
	c.events.add(cmd.Flags())
	return cmd
}

func (c *replayCommand) run(path string) error {
	if err := c.check(c.stuckAfter); err != nil {
		return err
	}
	if err := c.events.check(); err != nil {
		return err
	}
	p, err := c.policy(listener.Filter{}, c.stuckAfter, nil)
	if err != nil {
		return badConfig(c.std, c.config, err)
	}
	r := &replay{policy: p, changes: report.NewChanges(p.Scope), ended: make(map[daemon.Acted]bool), complain: c.std.err}
	r.stream = c.events.stream(c.std.out)
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
	if c.events.output == "text" {
		_, err = fmt.Fprintf(c.std.out, "looks: %d, listeners flagged: %d, acts: %d\n", r.looks, r.flagged, len(r.ended))
	}
	return err
}

// replay is a daemon that only thinks.
type replay struct {
	policy   judge.Policy
	past     judge.Past
	changes  *report.Changes
	stream   wire.Stream
	complain io.Writer
	// ended are the processes that this policy would have ended, and the listeners
	// that it would have closed: from then on they are gone, whatever the recording
	// says.
	ended   map[daemon.Acted]bool
	looks   int
	flagged int
}

func (r *replay) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return usageError{fmt.Errorf("open the recording: %w", err)}
	}
	defer f.Close()
	bad, err := record.Read(f, r.look)
	if len(bad) > 0 {
		fmt.Fprintf(r.complain, "reusewatch: recording %s: %d lines cannot be read and are left out, the first is line %d\n", path, len(bad), bad[0])
	}
	if err != nil {
		return usageError{fmt.Errorf("read recording %s: %w", path, err)}
	}
	return nil
}

func (r *replay) look(h record.Header, s *listener.Snapshot) error {
	r.looks++
	r.policy.Self = h.Self
	s.Listeners = slices.DeleteFunc(s.Listeners, func(l *listener.Listener) bool {
		return len(l.Owners) > 0 && !slices.ContainsFunc(l.Owners, func(o listener.Owner) bool {
			return !r.ended[daemon.Acted{PID: o.PID, Start: o.Start}] && !r.ended[daemon.Acted{PID: o.PID, Start: o.Start, Closed: l.Cookie}]
		})
	})
	js := judge.Judge(s, &r.policy, &r.past)
	events := r.changes.Update(s.Time, js)
	counted := make(map[string]bool) // the dead members of a group are one act
	for i := range js {
		j := &js[i]
		act, ok := r.act(s, j)
		if !ok {
			continue
		}
		if past := act.Past(s.Time); !counted[past.Group] {
			counted[past.Group] = true
			r.past.Acts = append(r.past.Acts, past)
		}
		events = append(events, wire.Event{Time: s.Time, Kind: wire.Acting, Listener: j, Act: act})
	}
	for _, e := range events {
		if e.Kind == wire.Stuck {
			r.flagged++
		}
		if err := r.stream.Write(e); err != nil {
			return err
		}
	}
	return nil
}

// act is what would be done about a listener, for the first time.
func (r *replay) act(s *listener.Snapshot, j *listener.Judgement) (*listener.Act, bool) {
	o, known := j.CulpritOwner()
	if !known || j.Decision == nil || (j.Decision.Act != listener.Kill && j.Decision.Act != listener.Close) {
		return nil, false
	}
	act := &listener.Act{Action: j.Decision.Act, Judgement: *j, Owner: *o}
	this := daemon.Acted{PID: o.PID, Start: o.Start}
	if act.Action == listener.Close {
		this.Closed = j.Cookie
		act.Listeners = []listener.Cookie{j.Cookie}
	} else {
		for _, l := range s.Listeners {
			if slices.ContainsFunc(l.Owners, func(other listener.Owner) bool { return other.PID == o.PID }) {
				act.Listeners = append(act.Listeners, l.Cookie)
			}
		}
	}
	if r.ended[this] {
		return nil, false
	}
	r.ended[this] = true
	return act, true
}
