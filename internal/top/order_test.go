package top

import (
	"fmt"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/reusewatch/reusewatch/internal/listener"
)

func TestTheWorstIsSelectedUntilSomebodyMoves(t *testing.T) {
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	if j, _ := m.selected(); j.Cookie != 0x1a2b {
		t.Errorf("%s is selected", j.Cookie)
	}
	// It recovers: the next worst is selected.
	f := night(1)
	f.Listeners[0].Verdict, f.Listeners[0].Cause = listener.Accepting, ""
	feed(m, f)
	if j, _ := m.selected(); j.Cookie != 0x33 {
		t.Errorf("%s is selected", j.Cookie)
	}
	// Somebody moved: the selection stays, though another gets worse.
	press(m, "down", "down")
	j, _ := m.selected()
	for n := 2; n < 8; n++ {
		feed(m, night(n))
		if now, _ := m.selected(); now.Cookie != j.Cookie {
			t.Errorf("%s is selected, it was %s", now.Cookie, j.Cookie)
		}
	}
	press(m, "home")
	if j, _ := m.selected(); j.Cookie != 0x1a2b {
		t.Errorf("%s is selected at the top", j.Cookie)
	}
}

func order(m *model) []listener.Cookie {
	var out []listener.Cookie
	for _, r := range m.rows {
		if r.item != nil {
			out = append(out, r.item.j.Cookie)
		}
	}
	return out
}

// TestRowsHoldStillWhileSomebodyMoves: the order follows some frames later.
func TestRowsHoldStillWhileSomebodyMoves(t *testing.T) {
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	press(m, "g", "s")
	before := fmt.Sprint(order(m))
	press(m, "down")
	for n := 1; n <= holdFrames+1; n++ {
		f := night(n)
		f.Listeners[3].Queue = 4000 // sshd's
		feed(m, f)
		if moved := fmt.Sprint(order(m)) != before; moved != (n > holdFrames) {
			t.Errorf("frame %d: %v, it was %s", n, order(m), before)
		}
	}
	if order(m)[0] != 0x22 {
		t.Errorf("%v by queue", order(m))
	}
}

func TestSorts(t *testing.T) {
	for by, want := range map[Sort]string{
		Worst:   "[1a2b 33 44 1a2c 1a2d 22 34 55]",
		Queue:   "[1a2b 44 33 1a2d 1a2c 22 34 55]",
		Oldest:  "[1a2b 44 33 1a2d 1a2c 22 34 55]",
		Rate:    "[1a2c 1a2d 1a2b 33 22 34 44 55]",
		Address: "[1a2b 1a2c 1a2d 22 33 34 44 55]",
		PID:     "[22 44 1a2b 1a2c 1a2d 33 34 55]",
		Command: "[33 1a2b 1a2c 1a2d 44 22 34 55]",
	} {
		m, _ := watched(80, 24, 3, unicodeGlyphs())
		m.view.Flat, m.view.Sort = true, by
		m.rearrange()
		if got := fmt.Sprint(order(m)); got != want {
			t.Errorf("by %s: %s, want %s", by, got, want)
		}
	}
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	for range Sorts() {
		press(m, "s")
	}
	if press(m, "S"); m.view.Sort != Command {
		t.Errorf("all round and one back: %s", m.view.Sort)
	}
}

func TestFilter(t *testing.T) {
	for filter, want := range map[string]string{
		"":              "[1a2b 1a2c 1a2d 33 34 44 22 55]",
		"HAproxy":       "[1a2b 1a2c 1a2d]",
		"haproxy root":  "[1a2b]",
		"stuck":         "[1a2b]",
		":8443":         "[33 34]",
		"3000":          "[1a2c 1a2d]",
		"blue":          "[1a2b 1a2c 1a2d]",
		"3f2a3f2a":      "[34]",
		"never haproxy": "[1a2b]",
		"1a2c":          "[1a2c]",
		`\x1b`:          "[33]",
		"nothing":       "[]",
	} {
		m, _ := watched(80, 24, 1, unicodeGlyphs())
		m.setFilter(filter)
		if got := fmt.Sprint(order(m)); got != want {
			t.Errorf("%q leaves %s, want %s", filter, got, want)
		}
	}
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	press(m, "/", "q", "g", "backspace", "enter")
	mustContain(t, m, "nothing matches q", "filter: q")
	if press(m, "esc"); len(m.rows) == 0 || m.view.Filter != "" {
		t.Error("esc does not clear the filter")
	}
	press(m, "/")
	m.Update(tea.PasteMsg{Content: "ssh\x1b[2J"})
	if m.view.Filter != `ssh\x1b[2J` {
		t.Errorf("pasted: %q", m.view.Filter)
	}
}

// TestTheSelectedRowStaysWhereItIs on the screen when others come above it.
func TestTheSelectedRowStaysWhereItIs(t *testing.T) {
	m, _ := at(80, 24, unicodeGlyphs())
	feed(m, crowd(40, 2, 0))
	press(m, "pgdown", "pgdown", "up", "up", "up", "up", "up") // not at an edge
	j, _ := m.selected()
	f := crowd(40, 2, 1)
	for i := range f.Listeners {
		if f.Listeners[i].Local.Port() == 1024+39 { // goes to the top
			f.Listeners[i].Verdict = listener.Stuck
		}
	}
	before := m.at - m.top
	for range holdFrames + 1 {
		feed(m, f)
	}
	if now, _ := m.selected(); now.Cookie != j.Cookie || m.at-m.top != before {
		t.Errorf("%s is selected in line %d, it was %s in line %d", now.Cookie, m.at-m.top, j.Cookie, before)
	}
}
