package top

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/charmbracelet/colorprofile"
)

// BatchOptions of Batch.
type BatchOptions struct {
	Source  Source
	Out     io.Writer
	Env     []string // as in Options
	Initial View
	From    string
	Frames  int  // how many; 0: until ctx is done
	Width   int  // of a line; 0: as wide as all columns need
	Color   bool // as the terminal of Env shows them; else plain text
}

// Batch prints frames as text, each with all of its listeners, an empty line
// between two. What is counted in a second begins with the second frame.
func Batch(ctx context.Context, o BatchOptions) error {
	profile := colorprofile.NoTTY
	if o.Color {
		profile = colorprofile.Env(o.Env)
	}
	m := newModel(nil, Options{Initial: o.Initial, From: o.From}, profile, glyphsFor(o.Env))
	for n := 0; o.Frames == 0 || n < o.Frames; {
		f, err := o.Source.Next(ctx)
		if lost(err) {
			pause(ctx, time.Second)
			continue
		}
		if err != nil {
			return endOf(ctx, err)
		}
		m.history.add(f)
		m.show(newTable(f, &m.history))
		if err := m.print(o.Out, o.Width, n > 0); err != nil {
			return fmt.Errorf("write frame %d: %w", n+1, err)
		}
		n++
	}
	return nil
}

// endOf is why it ended: being told to is no error.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// print writes the frame, however many lines it takes.
func (m *model) print(w io.Writer, width int, gap bool) error {
	if width == 0 {
		m.width = 0
		m.fitColumns()
		width = lead
		for _, c := range m.columns {
			width += c.width + 1
		}
	}
	m.width = min(width, textWidth)
	lines := m.header(3)
	m.width = width
	m.fitColumns()
	lines = append(lines, m.titles())
	m.at, m.top = -1, 0 // nothing is selected
	lines = append(lines, m.body(len(m.rows)+1)...)
	if gap {
		lines = append([]string{""}, lines...)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}
