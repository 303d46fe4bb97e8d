// Package watch keeps the table of all listeners: one goroutine joins looks,
// events and owners into immutable snapshots.
package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// Source is the kernel side as the watcher uses it.
type Source interface {
	// Enter makes it see the listeners that were there before it.
	Enter() error
	// Look passes over the listeners; its samples are good until the next Look.
	Look(listener.Depth) (listener.Look, error)
	// Events gives births and deaths since the last call, oldest first.
	Events() ([]listener.Event, error)
	// Census calls each for the descriptors of all processes, each thing once a process,
	// and those of one process together. The Held is good until each returns.
	Census(each func(*listener.Held)) error
	// Waiters gives who waits on a listener now, and whether that could be read.
	Waiters(*listener.Listener) ([]listener.Waiter, bool, error)
	// Processes reads processes, and waits for none of them.
	Processes(listener.Ask) (map[int]*listener.Process, error)
	// Things gives what these processes hold. Those that hold too much are omitted.
	Things(pids []int) (things []listener.Thing, omitted []int, err error)
	// Seek names the objects whose holders the next census is to find.
	Seek([]listener.Key) error
	// WatchCalls counts the system calls of these processes and no others, where it can;
	// Calls gives what they did since.
	WatchCalls(pids []int) error
	Calls() (map[int]listener.Calls, error)
	// SetCounted counts these listeners, each in its network namespace, and no others, where
	// counting is not always on.
	SetCounted(in map[listener.Key]uint32) error
}

// Reader asks /proc what only that has, within a limit. The answer about a process that
// does not answer is missing.
type Reader interface {
	Read(questions []proc.Question, limit time.Duration) map[int]proc.Answer
	// Unread are the users whose processes are not asked about, for they hung a reader.
	Unread() []uint32
}

// Options of a Watcher.
type Options struct {
	Interval   time.Duration // between looks; 1 s if 0
	StuckAfter time.Duration // a first look that finds a head older than this is a suspicion
	Tier       listener.Tier
	// CountsSince is when counting began for listeners older than it; zero
	// where counting begins with a suspicion.
	CountsSince time.Time
	Reader      Reader
	Proc        proc.FS      // of this host, not of its processes
	Mounts      netns.Mounts // for the names of network namespaces
	Names       Names        // of containers; nil: none are known
}

const (
	// suspectSamples of one head make a suspicion: two intervals.
	suspectSamples = 3
	// fullEvery is how often every socket is touched: adoption and a changed
	// backlog show in no counter.
	fullEvery = 10 * time.Second
	// censusEvery bounds how often owners are sought while something is
	// suspected, or when listeners were born.
	censusEvery = 5 * time.Second
	// lackingEvery is the same while a suspect waits for a thing whose holders were not
	// sought yet.
	lackingEvery = 2 * time.Second
)

// Change is what the table saw happen since the last snapshot.
type Change struct {
	Began bool // else it ended
	At    time.Time
	// Listener as it was last seen; a listener that ended between two looks was never announced.
	Listener *listener.Listener
}

// Watcher owns the table. Its methods may be called from one goroutine, except
// Ask and Refresh.
type Watcher struct {
	src   Source
	opts  Options
	asks  chan func() *listener.Snapshot // a snapshot that one returns is published
	ended chan struct{}                  // closed when Run returns

	table      table
	procs      population
	suspects   suspects
	counting   counting
	asking     asking
	netnsNames map[uint32]string // by inode; "" for one without a name

	lastLook   time.Time
	lastFull   time.Time // the last look that touched every socket
	lastCensus time.Time
	resync     bool // the next look is to give everything
	born       bool // there were births since the last census

	namesLearned uint64 // up to where the names of containers are filled in
	sets         sets   // by the last census
	origins      map[identity]*listener.Origin
	lastHolders  map[identity]*listener.Holder // as the last census described them
}

// New makes a watcher; Start fills its table.
func New(src Source, opts Options) *Watcher {
	if opts.Interval <= 0 {
		opts.Interval = time.Second
	}
	w := &Watcher{
		src: src, opts: opts,
		asks:       make(chan func() *listener.Snapshot),
		ended:      make(chan struct{}),
		table:      table{entries: make(map[listener.Key]*entry)},
		procs:      newPopulation(src, opts.Reader, opts.Names),
		netnsNames: make(map[uint32]string),
		resync:     true,
	}
	w.suspects.procs = &w.procs
	return w
}

// Start enters what was there before and returns the first snapshot, with owners.
func (w *Watcher) Start() (*listener.Snapshot, error) {
	if err := w.src.Enter(); err != nil {
		return nil, fmt.Errorf("find the listeners that were there before: %w", err)
	}
	if err := w.look(); err != nil {
		return nil, err
	}
	if err := w.takeCensus(); err != nil {
		return nil, err
	}
	if err := w.learnAcceptors(len(w.table.entries)); err != nil {
		return nil, err
	}
	w.settleContainerNames()
	w.table.changes = nil
	return w.snapshot(), nil
}

// Run looks every interval, and gives each snapshot to publish together with
// what began and ended since the one before, until the context ends or the
// kernel side fails. It is called once.
func (w *Watcher) Run(ctx context.Context, publish func(*listener.Snapshot, []Change)) error {
	defer close(w.ended)
	ticker := time.NewTicker(w.opts.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case ask := <-w.asks:
			if s := ask(); s != nil {
				publish(s, w.table.happened())
			}
		case <-ticker.C:
			s, changes, err := w.Tick()
			if err != nil {
				return err
			}
			publish(s, changes)
		}
	}
}

// Tick is what Run does every interval: a step, and the snapshot after it.
func (w *Watcher) Tick() (*listener.Snapshot, []Change, error) {
	if err := w.Step(); err != nil {
		return nil, nil, err
	}
	return w.snapshot(), w.table.happened(), nil
}

// Step is one tick: a look, and whatever a suspicion asks for.
func (w *Watcher) Step() error {
	if err := w.look(); err != nil {
		return err
	}
	w.learnContainerNames()
	fresh, some := w.suspicions()
	if err := w.follow(); err != nil {
		return err
	}
	more, err := w.renewOwners()
	if err != nil {
		return err
	}
	if more || some || w.counting.all || w.counting.n > 0 {
		if err := w.count(); err != nil {
			return err
		}
	}
	if err := w.learnAcceptors(maxAsked); err != nil {
		return err
	}
	defer w.dropIdle()
	since := w.lastLook.Sub(w.lastCensus)
	due := since >= censusEvery || w.suspects.lacking && since >= lackingEvery
	if fresh || due && (some || w.born) {
		return w.takeCensus()
	}
	return nil
}

// look enters events, and what a look saw, into the table.
func (w *Watcher) look() error {
	if !w.lastCensus.IsZero() {
		w.procs.readFor = readFor
	}
	events, err := w.src.Events()
	if err != nil {
		return fmt.Errorf("read births and deaths: %w", err)
	}
	if err := w.readCallers(events); err != nil {
		return err
	}
	for _, e := range events {
		w.applyEvent(e)
	}
	depth := listener.LookQuick
	switch {
	case w.resync:
		depth = listener.LookAll
	case w.lastLook.Sub(w.lastFull) >= fullEvery || len(events) > 0:
		depth = listener.LookFull
	}
	look, err := w.src.Look(depth)
	if err != nil {
		return fmt.Errorf("look at the listeners: %w", err)
	}
	if depth != listener.LookQuick {
		w.lastFull = look.At
	}
	w.resync = look.Lost
	w.applyLook(look)
	return nil
}

// suspicions finds who is suspected, and whether somebody newly is.
func (w *Watcher) suspicions() (fresh, some bool) {
	for _, e := range w.table.awake {
		if e.gone {
			continue
		}
		was := e.suspected
		e.suspected = e.suspicious(w.opts.StuckAfter)
		fresh = fresh || e.suspected && !was
		some = some || e.suspected
		if was && !e.suspected {
			w.dismiss(e)
		}
	}
	return fresh, some
}
