package remedy

import (
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestDiffer: clients are moved only among members that are alike in all that the
// kernel's documentation names. The live tests move them.
func TestDiffer(t *testing.T) {
	plain := listener.Settings{IncomingCPU: -1}
	for want, change := range map[string]func(*listener.Sample, *listener.Settings){
		"":                 func(*listener.Sample, *listener.Settings) {},
		"program":          func(s *listener.Sample, _ *listener.Settings) { s.Program = true },
		"another agent":    func(s *listener.Sample, _ *listener.Settings) { s.Migration = 9 },
		"MPTCP":            func(s *listener.Sample, _ *listener.Settings) { s.MPTCP = true },
		"keys":             func(_ *listener.Sample, s *listener.Settings) { s.Keys = true },
		"TCP_FASTOPEN":     func(_ *listener.Sample, s *listener.Settings) { s.FastOpen = 5 },
		"TCP_DEFER_ACCEPT": func(_ *listener.Sample, s *listener.Settings) { s.DeferAccept = 1 },
		"TCP_SAVE_SYN":     func(_ *listener.Sample, s *listener.Settings) { s.SaveSYN = 1 },
		"IP_TRANSPARENT":   func(_ *listener.Sample, s *listener.Settings) { s.Transparent = true },
		"SO_INCOMING_CPU":  func(_ *listener.Sample, s *listener.Settings) { s.IncomingCPU = 0 },
		"nobody knows":     func(s *listener.Sample, _ *listener.Settings) { s.Inode = 1 },
	} {
		odd := plain
		members := []*listener.Listener{{}, {}}
		change(&members[1].Sample, &odd)
		members[0].Settings = listener.Rarely(plain)
		if members[1].Inode == 0 {
			members[1].Settings = listener.Rarely(odd)
		}
		got := New(Options{}).differ(members)
		if !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q, want something of %q", got, want)
		}
	}
}
