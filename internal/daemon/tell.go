package daemon

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/wire"
)

// teller writes and counts events. What an act does is told beside the watcher.
type teller struct {
	told     *Outlet   // where the stream goes
	exporter *Exporter // nil: nobody wants metrics
	broken   func()    // is called when nothing can be told any more

	mu     sync.Mutex
	stream wire.Stream
	failed error                    // the first that befell it
	about  map[listener.Cookie]bool // that the act under way is about
}

// tellOf says which listeners the act under way is about.
func (t *teller) tellOf(about map[listener.Cookie]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.about = about
}

// left are the judgements but for those of listeners that an act is about: what
// it does to them is told as the act.
func (t *teller) left(js []listener.Judgement) []listener.Judgement {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.about) == 0 {
		return js
	}
	return slices.DeleteFunc(slices.Clone(js), func(j listener.Judgement) bool { return t.about[j.Cookie] })
}

// emit writes events; whoever reads them gone is the end of the run.
func (t *teller) emit(events ...wire.Event) {
	for _, e := range events {
		t.exporter.event(e)
	}
	if err := t.write(events); err != nil {
		t.mu.Lock()
		if t.failed == nil {
			t.failed = err
		}
		t.mu.Unlock()
		t.broken()
	}
}

// write writes them in one go, each whatever became of the one before it. The lock
// is held meanwhile, and the watcher waits for it: an outlet waits for nobody.
func (t *teller) write(events []wire.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.told.err()
	if n := t.told.left(); n > 0 {
		dropped := wire.Event{Time: time.Now(), Kind: wire.Dropped, Count: n}
		t.exporter.event(dropped)
		first = errors.Join(first, t.stream.Write(dropped))
	}
	for _, e := range events {
		if err := t.stream.Write(e); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// failure is why nothing could be told any more.
func (t *teller) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}
