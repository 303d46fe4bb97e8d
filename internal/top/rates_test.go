package top

import (
	"fmt"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

func TestRates(t *testing.T) {
	var h history
	sock := func(n, syns, queued, accepted int) *wire.Frame {
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
	again := sock(3, 30, 30, 30)
	again.Listeners[0].CountedSince = listener.Rarely(instant())
	h.add(again) // counted anew
	if p.queuedRate.IsKnown() {
		t.Error("a rate of counters that began anew")
	}
	got := h.lastMinute([]*past{p}, time.Second, 60)
	if fmt.Sprint(got[len(got)-2:]) != "[4 -1]" {
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
	for value, want := range map[uint64]string{
		0: "····", 1: "▏···", 50: "██··", 55: "██▏·", 100: "████", 900: "████",
	} {
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
