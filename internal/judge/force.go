package judge

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Force turns a decision that only soft reasons hold back into the act.
func Force(j *listener.Judgement, act listener.Action) {
	if j.Decision == nil || j.Decision.Act != listener.Hold {
		return
	}
	if slices.ContainsFunc(j.Decision.Reasons, func(r listener.Reason) bool { return !r.Row().Soft }) {
		return
	}
	j.Decision = &listener.Decision{Act: act, Reasons: j.Decision.Reasons, Siblings: j.Decision.Siblings}
}
