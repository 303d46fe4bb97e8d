package watch

import "github.com/reusewatch/reusewatch/internal/listener"

// Closer looks closer at the owners of l, whatever its verdict, and gives a copy
// with what it found: their threads, parents, descriptors. What they used is
// known only of owners that were followed since a suspicion; these are left as
// they are. It belongs to the goroutine that runs the watcher.
func (w *Watcher) Closer(l *listener.Listener) *listener.Listener {
	for i := range l.Owners {
		if l.Owners[i].Evidence == nil {
			return w.gather(&entry{l: l})
		}
	}
	return l
}
