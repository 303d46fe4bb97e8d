package watch

import (
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// Inspect looks closer at the owners of l, whatever its verdict, and gives a copy
// with what it found: their threads, parents, descriptors. What they used is
// known only of owners that were followed since a suspicion; these are left as
// they are. It belongs to the goroutine that runs the watcher.
func (w *Watcher) Inspect(l *listener.Listener) (*listener.Listener, error) {
	if !slices.ContainsFunc(l.Owners, func(o listener.Owner) bool { return o.Evidence == nil }) {
		return l, nil
	}
	w.readFor = readFor // somebody waits for this alone
	var pids []int
	for i := range l.Owners {
		pids = append(pids, l.Owners[i].PID)
	}
	if err := w.readProcesses(listener.Ask{All: true, Threads: pids}, nil, pids); err != nil {
		return nil, err
	}
	things, err := w.thingsOf(pids)
	if err != nil {
		return nil, err
	}
	return w.gather(&entry{l: l}, w.inspect(pids, things)), nil
}
