package top

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Run shows the view until a person leaves it, ctx is done or the source fails.
// When it returns the terminal is as it was, also after a panic, and nothing that
// it began goes on: an act that is under way is cancelled and waited for.
func Run(ctx context.Context, o Options) error {
	inner, cancel := context.WithCancel(ctx)
	do := newLive(inner, o.Source, o.Act)
	m := newModel(do, o, colorprofile.Detect(o.Out, o.Env), glyphsFor(o.Env))
	p := tea.NewProgram(m,
		tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Env),
		tea.WithColorProfile(m.profile), tea.WithoutSignalHandler())
	stop := context.AfterFunc(ctx, p.Quit) // blocks until the program runs, or has ended
	_, err := p.Run()
	stop()
	cancel()
	do.wait()
	if err != nil {
		return fmt.Errorf("draw on the terminal: %w", err)
	}
	return endOf(ctx, m.err)
}
