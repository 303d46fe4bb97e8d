package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
)

const (
	// folderEvery is how often the state folder is looked at if nobody asks.
	folderEvery = time.Second
	// folderTrust is how long what it said then is believed.
	folderTrust = 5 * time.Second
	// folderWait is how long an act waits for it.
	folderWait = 2 * time.Second
)

// stateFolder is what a daemon looks for in its state folder.
type stateFolder interface {
	Disarmed() bool
	Acts() ([]listener.PastAct, error)
}

// folder looks at the state folder beside whoever wants to know, for it may be on a mount
// that hangs. As long as it says nothing, nobody knows whether the operator disarmed us: so
// we are.
type folder struct {
	log   *slog.Logger
	state stateFolder
	ask   chan struct{} // holds a token when somebody wants to know

	mu     sync.Mutex
	said   said
	looked chan struct{} // closed when it has been looked at once more
	lost   bool          // nobody knows which acts were begun: they are sought
	silent bool          // and that was logged
}

// said is what the state folder said.
type said struct {
	began    time.Time // of the look; zero: none has ended
	disarmed bool
	acts     []listener.PastAct
	found    bool // the acts, which were lost
}

// watchFolder looks at it until the context ends.
func watchFolder(ctx context.Context, log *slog.Logger, state stateFolder) *folder {
	f := &folder{log: log, state: state, ask: make(chan struct{}, 1), looked: make(chan struct{})}
	go f.run(ctx)
	return f
}

func (f *folder) run(ctx context.Context) {
	every := time.NewTicker(folderEvery)
	defer every.Stop()
	for {
		f.look()
		select {
		case <-every.C:
		case <-f.ask:
		case <-ctx.Done():
			return
		}
	}
}

// look looks at it once, for as long as that takes.
func (f *folder) look() {
	f.mu.Lock()
	next, lost := f.said, f.lost
	f.mu.Unlock()
	next.began, next.disarmed = time.Now(), f.state.Disarmed()
	if lost {
		acts, err := f.state.Acts()
		next.acts, next.found = acts, err == nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = next
	f.lost = f.lost && !next.found
	close(f.looked)
	f.looked = make(chan struct{})
}

// seek has the acts read that could not be, until they can.
func (f *folder) seek() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = true
}

// now is what it said last. It waits for nobody, and has it looked at once more.
func (f *folder) now() said {
	f.wake()
	f.mu.Lock()
	last := f.said
	old := time.Since(last.began) > folderTrust
	was := f.silent
	f.silent = old
	f.mu.Unlock()
	switch {
	case old && !was:
		f.log.Warn("the state folder does not answer: until it does, this counts as disarmed")
	case was && !old:
		f.log.Info("the state folder answers again")
	}
	if old {
		return said{disarmed: true}
	}
	return last
}

// fresh is what it says to a look that begins now, for who may wait a little.
func (f *folder) fresh() said {
	asked := time.Now()
	late := time.After(folderWait)
	for {
		f.mu.Lock()
		last, looked := f.said, f.looked
		f.mu.Unlock()
		if !last.began.Before(asked) {
			return last
		}
		f.wake()
		select {
		case <-looked:
		case <-late:
			return said{disarmed: true}
		}
	}
}

func (f *folder) wake() {
	select {
	case f.ask <- struct{}{}:
	default:
	}
}
