package top

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestFindingStandsForACause: one that accepts is named by what is found about it, in
// the list, where it is sought by that, and above its detail.
func TestFindingStandsForACause(t *testing.T) {
	j := socket(0x77, "127.0.0.1:8080", 5, 2)
	j.Verdict, j.Superseded = listener.Accepting, &listener.Superseded{}
	other := socket(0x78, "127.0.0.1:8080", 5, 2)
	m, _ := at(120, 40, unicodeGlyphs())
	feed(m, frame(0, j, other))
	mustContain(t, m, "accepting superseded")
	press(m, "/", "s", "u", "p", "e", "r")
	mustContain(t, m, "accepting superseded")
	press(m, "enter", "end", "enter")
	mustContain(t, m, "accepting superseded", "cookie 77")
}
