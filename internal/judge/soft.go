package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Soft are the reasons that a person who knows better may overrule: thresholds
// and allowances. The others say that the wrong one would be hit, or that nobody
// knows who would.
func Soft() []listener.Reason {
	return []listener.Reason{
		listener.Stopped, listener.MixedGroup, listener.NoSiblingAccepted, listener.Starting, listener.Served,
		listener.TooSoon, listener.HostWide, listener.Budget,
	}
}

// Force turns a decision that only soft reasons hold into the act that they hold.
func Force(j *listener.Judgement, act listener.Act) {
	if j.Decision == nil || j.Decision.Act != listener.Hold {
		return
	}
	if slices.ContainsFunc(j.Decision.Reasons, func(r listener.Reason) bool { return !slices.Contains(Soft(), r) }) {
		return
	}
	j.Decision = &listener.Decision{Act: act, Reasons: j.Decision.Reasons}
}
