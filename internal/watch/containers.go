package watch

import (
	"slices"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Names knows the names of containers.
type Names interface {
	// Of gives the container with the names that are known by now, and has the others learned.
	Of(listener.Container) *listener.Container
	// Learned grows whenever something was learned.
	Learned() uint64
	// Settle waits until the names that were asked for are learned, or for the limit.
	Settle(limit time.Duration)
}

// settleFor is how long the first snapshot waits for names, which filters may choose by.
const settleFor = 2 * time.Second

// withNames gives a container with the names that are known by now, nil for none.
func (ps *population) withNames(found *listener.Container) *listener.Container {
	if found == nil || ps.names == nil {
		return found
	}
	return ps.names.Of(*found)
}

// settleContainerNames gives the names of the first census time to be learned.
func (w *Watcher) settleContainerNames() {
	if w.opts.Names != nil {
		w.opts.Names.Settle(settleFor)
		w.learnContainerNames()
	}
}

// learnContainerNames fills in the names that were learned since the last look.
func (w *Watcher) learnContainerNames() {
	if w.opts.Names == nil || w.opts.Names.Learned() == w.namesLearned {
		return
	}
	w.namesLearned = w.opts.Names.Learned()
	named := make(map[*listener.Holder]*listener.Holder) // listeners that shared one share its successor
	for _, e := range w.table.entries {
		var owners []listener.Owner
		for i, o := range e.l.Owners {
			if o.Container == nil {
				continue
			}
			if c := w.opts.Names.Of(*o.Container); c != o.Container {
				if owners == nil {
					owners = slices.Clone(e.l.Owners)
				}
				if named[o.Holder] == nil {
					h := *o.Holder
					h.Container = c
					named[o.Holder] = &h
				}
				owners[i].Holder = named[o.Holder]
			}
		}
		if owners != nil {
			next := *e.l
			next.Owners = owners
			w.table.set(e, &next)
		}
	}
}
