package report

import (
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Stood is how much of the time that an act takes has passed: that the head stood still,
// and of one that is to be proven dead or never served, that its process did.
func Stood(j *listener.Judgement) time.Duration {
	stood := j.Window.Observed
	o, known := j.CulpritOwner()
	if !known || o.Evidence == nil || j.Class == listener.ServedClass || j.Class == listener.NoClass {
		return stood
	}
	l, followed := o.Evidence.Life.Get()
	if !followed {
		return stood
	}
	stood = min(stood, l.Inert.Or(0))
	for i := range l.Waits {
		if l.Waits[i].For == listener.ForReader {
			stood = min(stood, l.Waits[i].Still)
		}
	}
	return stood
}
