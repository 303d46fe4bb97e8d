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

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/reusewatch/reusewatch/internal/report"
)

// mustFit asks of every line that it stays on the screen, and holds nothing that
// moves the cursor or turns text around.
func mustFit(t *testing.T, m *model) {
	t.Helper()
	lines := m.lines()
	if len(lines) > m.height {
		t.Fatalf("%d lines on %dx%d", len(lines), m.width, m.height)
	}
	for _, l := range lines {
		text := ansi.Strip(l)
		if w := ansi.StringWidth(text); w > m.width || ansi.StringWidthWc(text) != w {
			t.Fatalf("%dx%d: a line %d wide: %q", m.width, m.height, w, l)
		}
		if proc.Printable(text) != text {
			t.Fatalf("%q is not fit to be printed", text)
		}
		if m.glyphs.ascii && strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Fatalf("%q is not ASCII", text)
		}
	}
}

// TestAnySizeAndKey presses keys at random on screens of all sizes.
func TestAnySizeAndKey(t *testing.T) {
	keys := []string{
		"up", "down", "pgup", "pgdown", "home", "end", "enter", "enter", "esc", "/", "a", "漢", "s", "S", "g", "p", "c", "K", "y", "?",
		"backspace", "left", "right", "space", "j", "k",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, g := range []glyphs{unicodeGlyphs(), asciiGlyphs()} {
		for _, size := range [][2]int{{1, 1}, {2, 5}, {5, 2}, {7, 9}, {20, 6}, {24, 8}, {40, 10}, {79, 23}, {80, 24}, {100, 1}, {133, 37}, {250, 70}, {0, 0}} {
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
	for _, p := range []colorprofile.Profile{colorprofile.ASCII, colorprofile.ANSI, colorprofile.ANSI256, colorprofile.TrueColor} {
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

func TestTheWorstIsSelectedUntilSomebodyMoves(t *testing.T) {
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	if j, _ := m.selected(); j.Cookie != 0x1a2b {
		t.Errorf("%s is selected", j.Cookie)
	}
	// It recovers: the next worst is selected.
	f := night(1)
	f.Listeners[0].Verdict, f.Listeners[0].Cause = listener.Accepting, listener.NoCause
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

func TestDetail(t *testing.T) {
	m, do := watched(80, 24, 1, unicodeGlyphs())
	press(m, "enter")
	mustContain(t, m, "asking…")
	feed(m, night(1)) // not asked twice
	m.Update(explainMsg{cookie: 0x1a2b, e: explanation(m, 0x1a2b)})
	feed(m, night(2))
	if fmt.Sprint(do.asked) != "[1a2b 1a2b]" {
		t.Errorf("asked for %v", do.asked)
	}
	mustContain(t, m, "10.39.1.68:80 is STUCK: never-polled", "LISTENER")
	press(m, "end")
	mustContain(t, m, "PROBES")
	press(m, "right")
	if strings.Contains(screenOf(m), "\nPROBES") {
		t.Error("it does not scroll to the right")
	}
	f := night(3)
	f.Listeners = f.Listeners[1:]
	feed(m, f)
	mustContain(t, m, "it does not listen any more")
	press(m, "q")
	if m.screen != screenList {
		t.Error("q does not lead back")
	}
}

func TestActsAreConfirmed(t *testing.T) {
	m, do := watched(100, 40, 1, unicodeGlyphs())
	press(m, "K")
	mustContain(t, m, "Kill haproxy pid 26939, which holds 10.39.1.68:80?", "but never entered", "too-soon", "y: kill it")
	press(m, "enter")
	mustContain(t, m, "nothing was done")
	for _, key := range []string{"Y", "esc", "q", "n", "space", "K"} {
		press(m, "K", key)
	}
	if len(do.acted) > 0 || m.dialog.open() {
		t.Fatalf("%v was done without a yes", do.acted)
	}
	press(m, "down", "c")
	mustContain(t, m, "Close 10.39.1.68:80 of haproxy pid 30001?", "it is accepting, not stuck")
	e := explanation(m, 0x1a2c)
	e.Verdict = listener.Stuck
	e.Decision = &listener.Decision{Act: listener.Observe, Reason: listener.NotArmed, Reasons: []listener.Reason{listener.NotArmed}}
	m.Update(explainMsg{cookie: 0x1a2c, e: e})
	mustContain(t, m, "nothing holds")
	press(m, "y")
	if fmt.Sprint(do.acted) != "[close 1a2c]" {
		t.Errorf("%v was done", do.acted)
	}
	m.Update(saidMsg{line: "acting \x1b[2J"})
	mustContain(t, m, "Under way", `acting \x1b[2J`)
	press(m, "esc", "q")
	mustContain(t, m, "an act is under way")
	m.Update(saidMsg{done: true, err: errors.New("refused: served")})
	mustContain(t, m, "NOT DONE", "refused: served")
	press(m, "enter", "c", "y")
	m.Update(saidMsg{done: true})
	mustContain(t, m, "DONE: close")
}

func TestActsNeedToBeAllowed(t *testing.T) {
	m, do := watched(80, 24, 1, unicodeGlyphs())
	m.canAct = false
	press(m, "K")
	mustContain(t, m, "--allow-actions")
	if press(m, "y"); len(do.acted) > 0 || m.dialog.open() {
		t.Error("it acted")
	}
}

// TestWhoIsGoneIsNotActedOn: a yes to what is not there any more does nothing.
func TestWhoIsGoneIsNotActedOn(t *testing.T) {
	m, do := watched(80, 40, 1, unicodeGlyphs())
	press(m, "K")
	f := night(1)
	f.Listeners = f.Listeners[1:]
	feed(m, f)
	mustContain(t, m, "It does not listen any more.")
	if press(m, "y"); len(do.acted) > 0 {
		t.Errorf("%v was done", do.acted)
	}
}

func TestRates(t *testing.T) {
	var h history
	sock := func(n, syns, queued, accepted int) *report.Frame {
		j := socket(1, "127.0.0.1:80", 0, 1)
		counted(&j, syns, queued, accepted)
		return frame(n, j)
	}
	h.add(sock(0, 10, 10, 10))
	p := h.of[1]
	if p.queuedRate.IsKnown() {
		t.Error("a rate of one frame")
	}
	h.add(sock(2, 20, 14, 11))
	if got := fmt.Sprint([]string{rate(p.synRate), rate(p.queuedRate), rate(p.acceptRate)}); got != "[5.0 2.0 0.5]" {
		t.Errorf("rates %s", got)
	}
	h.add(sock(3, 1, 1, 1)) // counted anew
	if p.queuedRate.IsKnown() {
		t.Error("a rate of counters that began anew")
	}
	got := h.lastMinute([]*past{p}, time.Second, 60)
	if fmt.Sprint(got[len(got)-2:]) != "[4 0]" { // 0: its queue did not grow
		t.Errorf("the last minute: %v", got)
	}
	h.add(frame(4))
	if len(h.of) != 0 {
		t.Error("it remembers who has gone")
	}
}

func TestLastMinute(t *testing.T) {
	var h history
	for n := range 130 {
		j := socket(1, "127.0.0.1:80", 0, 1)
		counted(&j, 0, 3*n, 0)
		h.add(frame(n, j))
	}
	for _, width := range []int{1, 7, 12, 30, 59, 60, 61, 200} {
		got := h.lastMinute([]*past{h.of[1]}, time.Second, width)
		per := (slots + width - 1) / width
		if len(got) > width || len(got) < min(width, slots/per) {
			t.Errorf("%d buckets in %d places", len(got), width)
		}
		for _, n := range got {
			if n != 3*per {
				t.Errorf("%d places: %v", width, got)
				break
			}
		}
	}
}

func TestGlyphs(t *testing.T) {
	for _, c := range []struct {
		env   []string
		ascii bool
	}{
		{[]string{"LANG=C.UTF-8"}, false},
		{[]string{"LANG=en_GB.utf8", "TERM=xterm"}, false},
		{[]string{"LANG=en_GB.UTF-8", "TERM=linux"}, true},
		{[]string{"LANG=en_GB.UTF-8", "LC_ALL=C"}, true},
		{[]string{"LANG=C", "LC_CTYPE=C.UTF-8", "LC_ALL="}, false},
		{nil, true},
	} {
		if g := glyphsFor(c.env); g.ascii != c.ascii {
			t.Errorf("%v: ASCII %v", c.env, g.ascii)
		}
	}
	g := unicodeGlyphs()
	for value, want := range map[uint64]string{0: "····", 1: "▏···", 50: "██··", 55: "██▏·", 100: "████", 900: "████"} {
		if full, rest := g.gauge(value, 100, 4); full+rest != want {
			t.Errorf("%d of 100: %s", value, full+rest)
		}
	}
	if got := g.sparkline([]int{-1, 0, 1, 700, 350}, 6); got != "  ▁▂█▅" {
		t.Errorf("sparkline %q", got)
	}
}

func TestHeaderSaysWhatItDoesNotKnow(t *testing.T) {
	m, _ := watched(80, 24, 1, unicodeGlyphs())
	mustContain(t, m, "CPU -", "- connections/s")
	feed(m, night(1))
	mustContain(t, m, "CPU 0.4%", "BPF 200 ns an event", ">22 connections/s")
}
