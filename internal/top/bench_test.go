package top

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/reusewatch/reusewatch/internal/wire"
)

// busy is a model on a host of 5,000 listeners in 2,000 groups, in full colour.
func busy(b *testing.B) (*model, []*wire.Frame) {
	b.Helper()
	m, _ := at(200, 60, unicodeGlyphs())
	m.theme = newTheme(colorprofile.TrueColor, true)
	frames := make([]*wire.Frame, 8)
	for n := range frames {
		f := crowd(1000, 4, n)
		f.Listeners = append(f.Listeners, crowd(2000, 1, n).Listeners[1000:]...)
		frames[n] = f
		feed(m, f)
	}
	if n := len(frames[0].Listeners); n != 5000 || len(m.table.groups) != 2000 {
		b.Fatalf("%d listeners in %d groups", n, len(m.table.groups))
	}
	return m, frames
}

// BenchmarkFrame is all that a new frame costs: Update and View.
func BenchmarkFrame(b *testing.B) {
	m, frames := busy(b)
	n := len(frames)
	for b.Loop() {
		f := *frames[n%len(frames)]
		f.Time = instant().Add(time.Duration(n) * time.Second)
		feed(m, &f)
		_ = m.View()
		n++
	}
}

// BenchmarkKey is what a key costs: one that moves, and one that types a filter.
func BenchmarkKey(b *testing.B) {
	m, _ := busy(b)
	b.Run("move", func(b *testing.B) {
		for b.Loop() {
			m.Update(tea.KeyPressMsg{Code: tea.KeyPgDown})
			if m.at == len(m.rows)-1 {
				m.Update(tea.KeyPressMsg{Code: tea.KeyHome})
			}
			_ = m.View()
		}
	})
	b.Run("filter", func(b *testing.B) {
		for b.Loop() {
			m.setFilter("10.0.7 work")
			_ = m.View()
		}
	})
	b.Run("sort", func(b *testing.B) {
		m.setFilter("")
		for b.Loop() {
			press(m, "s")
			_ = m.View()
		}
	})
}

func BenchmarkView(b *testing.B) {
	m, _ := busy(b)
	for b.Loop() {
		_ = m.View()
	}
}
