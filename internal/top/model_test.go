package top

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/reusewatch/reusewatch/internal/text"
)

// mustFit asks of every line that it stays on the screen, and holds nothing that
// moves the cursor or turns text around.
func mustFit(t *testing.T, m *model) {
	t.Helper()
	lines := m.lines()
	if n := m.listHeight(); m.screen == screenList && n > 0 && m.at >= 0 && (m.at < m.top || m.at >= m.top+n) {
		t.Fatalf("%dx%d: row %d is selected and not in sight, from %d on %d are", m.width, m.height, m.at, m.top, n)
	}
	if len(lines) > m.height {
		t.Fatalf("%d lines on %dx%d", len(lines), m.width, m.height)
	}
	for _, l := range lines {
		shown := ansi.Strip(l)
		if w := ansi.StringWidth(shown); w > m.width || ansi.StringWidthWc(shown) != w {
			t.Fatalf("%dx%d: a line %d wide: %q", m.width, m.height, w, l)
		}
		if text.Printable(shown) != shown {
			t.Fatalf("%q is not fit to be printed", shown)
		}
		if m.glyphs.ascii && strings.ContainsFunc(shown, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Fatalf("%q is not ASCII", shown)
		}
	}
}

// TestAnySizeAndKey presses keys at random on screens of all sizes.
func TestAnySizeAndKey(t *testing.T) {
	keys := []string{
		"up", "down", "pgup", "pgdown", "home", "end", "enter", "enter", "esc",
		"/", "a", "漢", "s", "S", "g", "p", "c", "K", "y", "?",
		"backspace", "left", "right", "space", "j", "k",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, g := range []glyphs{unicodeGlyphs(), asciiGlyphs()} {
		for _, size := range [][2]int{
			{1, 1}, {2, 5}, {5, 2}, {7, 9}, {20, 6}, {24, 8}, {40, 10}, {79, 23}, {80, 24},
			{100, 1}, {133, 37}, {250, 70}, {0, 0},
		} {
			m, _ := at(size[0], size[1], g)
			m.profile = colorprofile.TrueColor
			m.theme = newTheme(m.profile, true)
			mustFit(t, m)
			for i := range 150 {
				switch {
				case i%7 == 0:
					feed(m, night(i/7))
				case i%50 == 13:
					feed(m, frame(i/7))
				case i%50 == 31:
					m.Update(frameMsg{err: fmt.Errorf("%w: %s", ErrLost, hostile)})
				case i%10 == 5 && m.detail.cookie != 0:
					if _, there := m.find(m.detail.cookie); there {
						m.Update(explainMsg{cookie: m.detail.cookie, e: explanation(m, m.detail.cookie)})
					} else {
						m.Update(explainMsg{cookie: m.detail.cookie, err: errors.New(hostile)})
					}
				case i%10 == 6 && m.dialog.running():
					m.Update(saidMsg{line: hostile, done: i%20 == 6, err: errors.New(hostile)})
				case i%40 == 39:
					m.Update(tea.WindowSizeMsg{Width: 1 + random.IntN(250), Height: 1 + random.IntN(70)})
				case i%40 == 19:
					m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				default:
					press(m, keys[random.IntN(len(keys))])
				}
				mustFit(t, m)
				if m.at >= len(m.rows) || m.at >= 0 && m.rows[m.at].item == nil {
					t.Fatalf("row %d of %d is selected, and is none of a listener", m.at, len(m.rows))
				}
			}
		}
	}
}

// TestColoursAddNothingButColour compares what is left without escape sequences.
func TestColoursAddNothingButColour(t *testing.T) {
	for _, p := range []colorprofile.Profile{
		colorprofile.ASCII, colorprofile.ANSI, colorprofile.ANSI256, colorprofile.TrueColor,
	} {
		for _, dark := range []bool{true, false} {
			m, _ := watched(120, 30, 3, unicodeGlyphs())
			want := strings.ReplaceAll(screenOf(m), "1 STUCK  1 suspect", " 1 STUCK   1 suspect")
			m.theme = newTheme(p, dark)
			got := ansi.Strip(screenOf(m))
			if strings.Contains(screenOf(m), "\x1b") != true {
				t.Errorf("%s: no style at all", p)
			}
			for i, line := range strings.Split(got, "\n") {
				if w := strings.Split(want, "\n")[i]; strings.TrimRight(line, " ") != strings.TrimRight(w, " ") {
					t.Errorf("%s: line %d is\n%q, without colour\n%q", p, i, line, w)
				}
			}
		}
	}
}

func TestTheOldestWaitTicks(t *testing.T) {
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	mustContain(t, m, "4.0s")
	tick := func(seq, seconds int) {
		m.Update(tickMsg{seq: seq, at: instant().Add(time.Duration(seconds) * time.Second)})
	}
	tick(1, 3)
	mustContain(t, m, "7.0s", "03:00:10")
	tick(0, 5) // of an older frame
	mustContain(t, m, "7.0s")
	press(m, "p")
	mustContain(t, m, "4.0s", "PAUSED")
	feed(m, night(9))
	mustContain(t, m, "4.0s")
	press(m, "p")
	mustContain(t, m, "13s")
}

func TestLost(t *testing.T) {
	m, _ := watched(80, 24, 2, unicodeGlyphs())
	m.Update(tickMsg{seq: 2, at: instant().Add(31 * time.Second)})
	m.Update(frameMsg{err: fmt.Errorf("ask the daemon: %w", ErrLost)})
	mustContain(t, m, "LOST", "no frame for 30s: ask the daemon: lost")
	feed(m, night(40))
	if strings.Contains(screenOf(m), "LOST") {
		t.Error("it is found again, and still called lost")
	}
	_, cmd := m.Update(frameMsg{err: errors.New("the end")})
	if _, quits := cmd().(tea.QuitMsg); !quits || m.err == nil {
		t.Error("an error did not end it")
	}
}
