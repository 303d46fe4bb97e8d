package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

func explanation(m *model, c listener.Cookie) *wire.Explanation {
	j, _ := m.find(c)
	f := m.table.frame
	return &wire.Explanation{Judgement: *j, Tier: f.Tier, Watched: true, Interval: f.Interval, Policy: f.Policy}
}

func TestFrames(t *testing.T) {
	for _, size := range []struct{ w, h int }{{80, 24}, {120, 40}, {200, 60}} {
		m, _ := watched(size.w, size.h, 20, unicodeGlyphs())
		golden.Compare(t, fmt.Sprintf("list-%dx%d.txt", size.w, size.h), screenOf(m))
	}
}

func TestFramesOfOtherKinds(t *testing.T) {
	for name, show := range map[string]func() *model{
		"ascii-120x40.txt": func() *model {
			m, _ := watched(120, 40, 20, asciiGlyphs())
			return m
		},
		"flat-80x24.txt": func() *model {
			m, _ := watched(80, 24, 3, unicodeGlyphs())
			press(m, "g", "s", "down", "down")
			return m
		},
		"filter-80x24.txt": func() *model {
			m, _ := watched(80, 24, 3, unicodeGlyphs())
			press(m, "/", "h", "a", "p", "space", "3", "0")
			return m
		},
		"detail-80x24.txt": func() *model {
			m, _ := watched(80, 24, 3, unicodeGlyphs())
			press(m, "enter")
			m.Update(explainMsg{cookie: 0x1a2b, e: explanation(m, 0x1a2b)})
			return m
		},
		"help-80x24.txt": func() *model {
			m, _ := watched(80, 24, 3, unicodeGlyphs())
			press(m, "?")
			return m
		},
		"confirm-80x24.txt": func() *model {
			m, _ := watched(80, 24, 3, unicodeGlyphs())
			press(m, "K")
			return m
		},
		"confirm-ascii-40x10.txt": func() *model {
			m, _ := watched(40, 10, 3, asciiGlyphs())
			press(m, "c")
			return m
		},
		"narrow-40x10.txt": func() *model {
			m, _ := watched(40, 10, 3, unicodeGlyphs())
			return m
		},
		"empty-80x24.txt": func() *model {
			m, _ := at(80, 24, unicodeGlyphs())
			feed(m, frame(0))
			return m
		},
		"lost-80x24.txt": func() *model {
			m, _ := watched(80, 24, 3, unicodeGlyphs())
			m.Update(frameMsg{err: fmt.Errorf("the daemon: %w: connection refused", ErrLost)})
			return m
		},
		"unknown-120x40.txt": func() *model { // what the queues tier knows
			m, _ := at(120, 40, unicodeGlyphs())
			for n := range 3 {
				f := night(n)
				f.Tier, f.Cost = listener.TierQueues, listener.Maybe[wire.Cost]{}
				for i := range f.Listeners {
					if f.Listeners[i].Class == listener.NeverServed { // which takes counters
						f.Listeners[i].Class = listener.Dead
					}
					l := f.Listeners[i].Listener
					l.SYNs, l.Queued, l.Accepted = listener.Count{}, listener.Count{}, listener.Count{}
					l.Share = listener.Rare[float64]{}
				}
				feed(m, f)
			}
			return m
		},
	} {
		t.Run(name, func(t *testing.T) { golden.Compare(t, name, screenOf(show())) })
	}
}

// TestCausesFit: none of them is cut in the list.
func TestCausesFit(t *testing.T) {
	for _, c := range allColumns() {
		for _, row := range listener.Causes() {
			if c.id == colCause && len(row.Cause) > c.width {
				t.Errorf("%s does not fit into %d places", row.Cause, c.width)
			}
		}
	}
}

// TestDetailTellsSigns: all that explain says is in the detail.
func TestDetailTellsSigns(t *testing.T) {
	m, _ := watched(80, 200, 3, unicodeGlyphs())
	press(m, "enter")
	m.Update(explainMsg{cookie: 0x1a2b, e: explanation(m, 0x1a2b)})
	mustContain(t, m, "SIGNS OF LIFE of pid 26939",
		"runs              none       no time slice in 12 s", "never-served: it was counted")
}

// replayed gives the night, then an error.
type replayed struct{ n int }

func (r *replayed) Next(context.Context) (*wire.Frame, error) {
	if r.n++; r.n > 2 {
		return nil, errors.New("the night is over")
	}
	return night(r.n - 1), nil
}

func (r *replayed) Explain(context.Context, listener.Cookie) (*wire.Explanation, error) {
	return nil, errors.New("nobody asks")
}

func TestBatch(t *testing.T) {
	for name, o := range map[string]BatchOptions{
		"batch.txt":    {Env: []string{"LANG=C.UTF-8"}},
		"batch-80.txt": {Width: 80},
	} {
		var b bytes.Buffer
		o.Source, o.Out, o.Frames, o.From = &replayed{}, &b, 2, "kernel"
		if err := Batch(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, b.String())
	}
	var b bytes.Buffer
	failing := BatchOptions{Source: &replayed{}, Out: &b}
	if err := Batch(t.Context(), failing); err == nil || err.Error() != "the night is over" {
		t.Errorf("a source that failed: %v", err)
	}
}
