package top

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

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
	mustContain(t, m, "Kill haproxy pid 26939, which holds 10.39.1.68:80?", "but never came to", "too-soon", "y: kill it")
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
	e.Decision = &listener.Decision{
		Act: listener.Observe, Reason: listener.NotArmed, Reasons: []listener.Reason{listener.NotArmed},
	}
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
