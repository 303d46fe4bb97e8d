package report

import (
	"cmp"
	"fmt"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// summary says how many listeners there are, how many of them are suspected or
// stuck, and what to do next. Not watched: one look knows no more than suspects.
func summary(js []listener.Judgement, watched bool) string {
	var suspect, stuck, waiting uint32
	var worst, superseded *listener.Judgement
	for i := range js {
		j := &js[i]
		if j.Superseded != nil && superseded == nil {
			superseded = j
		}
		switch j.Verdict {
		case listener.Suspect:
			suspect++
		case listener.Stuck:
			stuck++
		default:
			continue
		}
		waiting += j.Queue
		if worst == nil || cmp.Or(cmp.Compare(rank(j), rank(worst)), cmp.Compare(j.Queue, worst.Queue)) > 0 {
			worst = j
		}
	}
	s := text.Plural(len(js), "listener")
	switch {
	case stuck > 0:
		s += fmt.Sprintf(", %d stuck with %s waiting: `reusewatch explain %s` says why, `reusewatch kill %s --dry-run` what can be done",
			stuck, text.Plural(int(waiting), "client"), worst.Cookie, worst.Cookie)
	case suspect > 0 && watched:
		s += fmt.Sprintf(", %d suspect with %s waiting: `reusewatch explain %s` says who", suspect, text.Plural(int(waiting), "client"), worst.Cookie)
	case suspect > 0:
		s += fmt.Sprintf(", %d suspect with %s waiting: `reusewatch list --stuck` watches and tells whether they are stuck", suspect, text.Plural(int(waiting), "client"))
	case watched:
		s += ", none stuck"
	default:
		s += ", none suspect"
	}
	if superseded != nil {
		s += fmt.Sprintf("; superseded ones still accept: `reusewatch explain %s` says whose", superseded.Cookie)
	}
	return s
}

func rank(j *listener.Judgement) int { return b2i(j.Verdict == listener.Stuck) }
